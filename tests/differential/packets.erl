%% erlang:decode_packet/3: every packet type on whole, cut and damaged packets.
-module(packets).
-compile([export_all, nowarn_export_all]).

types() -> [raw, 0, 1, 2, 4, asn1, sunrm, cdr, fcgi, line, tpkt, http, httph, http_bin, httph_bin, ssl_tls].

d(Type, Bin, Opts) ->
    try erlang:decode_packet(Type, Bin, Opts)
    catch error:Reason:Stack -> {Reason, proplists:get_value(error_info, element(4, hd(Stack)))}
    end.

%% Every prefix of the input.
cuts(Type, Bin, Opts) -> [d(Type, binary:part(Bin, 0, N), Opts) || N <- lists:seq(0, byte_size(Bin))].

t_lengths() ->
    [{T, cuts(T, B, [])} || {T, B} <- [
        {1, <<3, "abcde">>}, {2, <<0, 3, "abcde">>}, {4, <<0, 0, 0, 3, "abcde">>}, {1, <<0, "x">>},
        {sunrm, <<128, 0, 0, 3, "abcde">>}, {tpkt, <<3, 0, 0, 7, "abcde">>}, {tpkt, <<3, 0, 0, 4, "abc">>},
        {tpkt, <<3, 0, 0, 3, "abc">>}, {tpkt, <<2, 0, 0, 7, "abc">>}, {raw, <<"abc">>}, {0, <<"abc">>}]].
t_huge() ->
    [{T, [d(T, B, O) || O <- [[], [{packet_size, 100}]]]} || {T, B} <- [
        {4, <<255, 255, 255, 255, 1>>}, {4, <<127, 255, 255, 255, 1>>}, {4, <<127, 255, 255, 251, 1>>}, {4, <<127, 255, 255, 252>>},
        {sunrm, <<255, 255, 255, 255>>}, {cdr, <<"GIOP", 1, 2, 0, 0, 255, 255, 255, 255>>}, {cdr, <<"GIOP", 1, 2, 1, 0, 255, 255, 255, 127>>},
        {asn1, <<48, 132, 255, 255, 255, 255>>}, {asn1, <<48, 132, 127, 255, 255, 250>>}, {asn1, <<48, 131, 255, 255, 255>>}]].
t_asn1() ->
    [cuts(asn1, B, []) || B <- [<<48, 3, "abcdef">>, <<48, 129, 3, "abcdef">>, <<48, 130, 0, 3, "abcdef">>, <<48, 128, "abc">>,
        <<31, 129, 130, 3, 3, "abcdef">>, <<63, 1, 2, "abcd">>, <<48, 133, 1, 1, 1, 1, 1, 1>>, <<31, 129, 130, 131>>, <<48, 255, 1>>]].
t_cdr() ->
    [cuts(cdr, B, []) || B <- [<<"GIOP", 1, 2, 0, 0, 0, 0, 0, 2, "abcd">>, <<"GIOP", 1, 2, 1, 0, 2, 0, 0, 0, "abcd">>, <<"GIOX", 1, 2, 1, 0, 2, 0, 0, 0, "abcd">>]].
t_fcgi() ->
    [cuts(fcgi, B, []) || B <- [<<1, 1, 0, 1, 0, 3, 2, 0, "abcde">>, <<1, 1, 0, 1, 0, 3, 0, 0, "abcde">>, <<2, 1, 0, 1, 0, 3, 0, 0, "abcde">>]].
t_heavy_line() ->
    [cuts(line, B, O) || B <- [<<"ab\ncd\n">>, <<"\n">>, <<"abcdef">>, <<"a\r\nb">>],
        O <- [[], [{line_length, 2}], [{packet_size, 2}], [{line_length, 4}, {packet_size, 3}], [{line_delimiter, $c}], [{line_delimiter, 0}], [{line_length, 0}], [{line_length, 1}, {line_length, 3}]]].
t_ssl() ->
    [cuts(ssl_tls, B, []) || B <- [<<22, 3, 1, 0, 3, "abcde">>, <<128, 8, 1, 3, 0, "abcdefg">>, <<128, 2, 1, 3, 0, "abcdefg">>, <<128, 8, 2, 3, 0, "abcdefgh">>]].
requests() ->
    [<<"GET / HTTP/1.1\r\nHost: x\r\n\r\n">>, <<"GET /a?b=c#d HTTP/1.0\n\n">>, <<"POST http://host.com:8080/p/q HTTP/1.1\r\n">>, <<"PUT https://Host/x HTTP/1.1\r\n">>,
     <<"HEAD HTTP://h HTTP/1.1\r\n">>, <<"DELETE http://h:0/ HTTP/1.1\r\n">>, <<"TRACE http://h:80x/ HTTP/1.1\r\n">>, <<"GET http://h:/z HTTP/1.1\r\n">>, <<"OPTIONS * HTTP/1.1\r\n">>,
     <<"FOO mailto:a@b HTTP/1.1\r\n">>, <<"get x HTTP/1.1\r\n">>, <<"GET xyz HTTP/1.1\r\n">>, <<"GET\t/\tHTTP/2.0\r\n">>, <<"GET /\r\n">>, <<"GET  /  \r\n">>, <<"GET\r\n">>, <<"GET \r\n">>, <<"\r\n">>, <<"\n">>, <<"\n\n">>, <<"\r\n\r\n">>,
     <<"GET / HTTP/1\r\n">>, <<"GET / HTTP/1.\r\n">>, <<"GET / HTTP/.1 \r\n">>, <<"GET / HTTP/1.1x\r\n">>, <<"GET / HTTQ/1.1\r\n">>, <<"GET / FTP\r\n">>, <<"GE{T / HTTP/1.1\r\n">>, <<" GET / HTTP/1.1\r\n">>, <<"G", 200, " / HTTP/1.1\r\n">>,
     <<"GET / HTTP/99999999999.4294967297\r\n">>, <<"GET http://h:99999999999/ HTTP/1.1\r\n">>, <<"GET HTTPS://a:1:2/b:c HTTP/1.1\r\n">>, <<"GET http:// HTTP/1.1\r\n">>, <<"GET a HTTP/1.1\r\n">>,
     <<"GET /", (binary:copy(<<"long">>, 20))/binary, " HTTP/1.1\r\n">>, <<"LONGMETHODLONGMETHODLONGMETHODLONG /x HTTP/1.1\r\n">>].
responses() ->
    [<<"HTTP/1.1 200 OK\r\nA: b\r\n">>, <<"HTTP/1.0 404 Not Found\n">>, <<"HTTP/1.1 204\r\n">>, <<"HTTP/1.1 204 \r\n">>, <<"HTTP/1.1\r\n">>, <<"HTTP/1.1 \r\n">>, <<"HTTP/1.1 OK\r\n">>, <<"HTTP/1.1 200OK\r\n">>,
     <<"HTTP/ 200 OK\r\n">>, <<"HTTP/1 200 OK\r\n">>, <<"HTTP/1. 200 OK\r\n">>, <<"HTTP/11.22  \t 99999999999 \t x y \r\n">>, <<"http/1.1 200 OK\r\n">>, <<"HTTP/\r\n">>, <<"HTTP/1.1 200 ", (binary:copy(<<"ok">>, 30))/binary, "\r\n">>].
headers() ->
    [<<"Host: a\r\nX">>, <<"host:a\r\nX">>, <<"HOST:  \t a b \r\nX">>, <<"content-type: text/html\r\nX">>, <<"x-forwarded-for: 1\r\nX">>, <<"www-AUTHENTICATE: 1\r\nX">>, <<"my-own-HEADER: 1\r\nX">>, <<"--a--b: 1\r\nX">>,
     <<"A:\r\nX">>, <<":\r\nX">>, <<"A\r\nX">>, <<"A b: c\r\nX">>, <<" A: b\r\nX">>, <<"A: b\r\n c\r\n\td\r\nX">>, <<"A: b\r\n">>, <<"\r\nX">>, <<"\nX">>, <<"\r\n">>, <<"\n">>, <<"\n X">>, <<"A: b\nX">>, <<"A: b\n\r\n">>, <<"\r\n\r\n">>,
     <<(binary:copy(<<"Long-">>, 9))/binary, "Names: v\r\nX">>, <<(binary:copy(<<"long-">>, 10))/binary, ": v\r\nX">>, <<(binary:copy(<<"long-">>, 10))/binary, "x: v\r\nX">>, <<"A: ", (binary:copy(<<"val">>, 20))/binary, "\r\nX">>, <<200, ": b\r\nX">>, <<"A\x7f: b\r\nX">>].
t_heavy_requests() -> [{T, [d(T, B, []) || B <- requests()]} || T <- [http, http_bin]].
t_responses() -> [{T, [d(T, B, []) || B <- responses()]} || T <- [http, http_bin]].
t_headers() -> [{T, [d(T, B, []) || B <- headers()]} || T <- [httph, httph_bin]].
t_heavy_http_cut() -> [[cuts(T, B, O) || B <- [<<"GET / HTTP/1.1\r\nH: x">>, <<"Host: abc\r\n def\r\nX">>, <<"A: b\r\nC: d\r\n">>], O <- [[], [{packet_size, 12}], [{line_length, 12}], [{packet_size, 200}, {line_length, 3}]]] || T <- [http, httph]].
t_heavy_known_headers() ->
    Names = ["Cache-Control","Connection","Date","Pragma","Transfer-Encoding","Upgrade","Via","Accept","Accept-Charset","Accept-Encoding","Accept-Language","Authorization","From","Host","If-Modified-Since","If-Match","If-None-Match","If-Range","If-Unmodified-Since","Max-Forwards","Proxy-Authorization","Range","Referer","User-Agent","Age","Location","Proxy-Authenticate","Public","Retry-After","Server","Vary","Warning","Www-Authenticate","Allow","Content-Base","Content-Encoding","Content-Language","Content-Length","Content-Location","Content-Md5","Content-Range","Content-Type","Etag","Expires","Last-Modified","Accept-Ranges","Set-Cookie","Set-Cookie2","X-Forwarded-For","Cookie","Keep-Alive","Proxy-Connection"],
    [d(httph, list_to_binary([F(N), ": v\r\nX"]), []) || N <- Names, F <- [fun string:uppercase/1, fun string:lowercase/1]].
t_bits() ->
    <<_:3, B/bitstring>> = <<7:3, "\0\3abcde", 5:3>>,
    <<_:5, H/bitstring>> = <<7:5, "Host: some-long-long-long-long-name\r\nX", 1:1>>,
    [{T, d(T, B, [])} || T <- types()] ++ [{T, d(T, H, [])} || T <- types()] ++ [d(T, <<1:1>>, []) || T <- types()].
t_shared() ->
    B = <<0, 40, (binary:copy(<<"ab">>, 50))/binary>>,
    {ok, P, R} = erlang:decode_packet(2, B, []),
    {ok, {http_header, _, _, N, V}, _} = erlang:decode_packet(httph_bin, <<"A: ", B/binary, "\r\nX">>, []),
    {byte_size(P), binary:referenced_byte_size(P), binary:referenced_byte_size(R), binary:referenced_byte_size(V), N}.
t_errors() ->
    [d(T, B, O) || {T, B, O} <- [{x, <<>>, []}, {3, <<>>, []}, {"line", <<>>, []}, {-1, <<>>, []}, {line, a, []}, {line, "abc", []}, {line, <<1>>, a}, {line, <<1>>, [a]}, {line, <<1>>, [{a, 1}]},
        {line, <<1>>, [{packet_size, -1}]}, {line, <<1>>, [{packet_size, a}]}, {line, <<1>>, [{packet_size, 16#100000000}]}, {line, <<1>>, [{packet_size, 16#FFFFFFFF}]}, {line, <<1>>, [{line_delimiter, 256}]}, {http, <<1>>, [{line_delimiter, 10}]},
        {line, <<1>>, [{packet_size, 1, 2}]}, {line, <<1>>, [{packet_size, 1 bsl 70}]}, {x, a, b}, {1.0, <<>>, []}]].
%% Bytes that mean nothing, the same on every run.
t_heavy_noise() ->
    Noise = fun Noise(0, _) -> [];
                Noise(N, S) -> S1 = (S * 1103515245 + 12345) band 16#7fffffff, L = (S1 bsr 8) rem 24, [noise_bytes(L, S1) | Noise(N - 1, S1 + L)] end,
    Inputs = Noise(300, 4711),
    [{T, erlang:phash2([d(T, B, O) || B <- Inputs, O <- [[], [{packet_size, 7}], [{line_length, 5}]]])} || T <- types()].
noise_bytes(L, S) ->
    Letters = <<"GET / HTTP/1.1\r\nA: b\n:\t ", 0, 1, 3, 128, 129, 200, 255, "GIOP">>,
    << <<(binary:at(Letters, (S bsr (I rem 13)) * (I + 7) rem byte_size(Letters)))>> || I <- lists:seq(1, L) >>.
