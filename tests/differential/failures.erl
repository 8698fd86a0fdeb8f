%% Natives called with each of their arguments spoilt in turn: the exception, and what the error
%% module of the library says about it. A case for each module.
-module(failures).
-compile([export_all, nowarn_export_all, nowarn_deprecated_function]).

%% For each function, given with arguments that are good: what each bad argument gives.
calls(Module, Calls) -> [{F, length(Args), spoilt(Module, F, Args)} || {F, Args} <- Calls].

spoilt(Module, F, Args) ->
    [{At, [told(Module, F, replaced(At, Bad, Args)) || Bad <- bad()]}
     || At <- lists:seq(1, length(Args))].

%% Builds that are slow on purpose try fewer.
bad() ->
    case runner:light() of
        true -> [-1, [a | b], #{}];
        false -> all_bad()
    end.

all_bad() -> [atom, -1, 1.5, 1 bsl 70, <<5:3>>, [a | b], {x}, #{}, [300], fun erlang:abs/1].

replaced(At, Bad, Args) -> lists:sublist(Args, At - 1) ++ [Bad] ++ lists:nthtail(At, Args).

told(Module, F, Args) ->
    try apply(Module, F, Args) of
        Value -> {value, size_of(Value)}
    catch
        Class:Reason:Stack -> text(Class, Reason, [top(Frame) || Frame <- Stack])
    end.

%% Values are the business of other families.
size_of(Value) -> erlang:external_size(Value) < 1000 andalso named(Value).


%% Only the native's own frame is the runtime's.
top({M, F, Args, Info}) -> {M, F, Args, [I || {error_info, _} = I <- Info]}.

%% The call itself is left out: it shows identities.
text(Class, Reason, [Top | _]) ->
    Text = unicode:characters_to_binary(erl_error:format_exception(Class, named(Reason), [Top])),
    {M, F, Args, _} = Top,
    {M, F, is_list(Args), [L || L <- binary:split(Text, <<"\n">>, [global]), is_told(L)]};
text(Class, Reason, []) -> {Class, Reason}.

is_told(<<"exception", _/binary>>) -> true;
is_told(Line) -> binary:match(Line, <<"***">>) =/= nomatch.

named(X) when is_reference(X); is_pid(X); is_port(X); is_function(X) -> identity;
named(X) when is_tuple(X) -> list_to_tuple([named(E) || E <- tuple_to_list(X)]);
named(X) -> X.

t_atomics() ->
    A = atomics:new(3, []),
    calls(atomics, [{new, [3, []]}, {new, [3, [{signed, false}]]}, {put, [A, 1, 7]}, {get, [A, 1]},
        {add, [A, 1, 2]}, {add_get, [A, 1, 2]}, {sub, [A, 1, 2]}, {sub_get, [A, 1, 2]},
        {exchange, [A, 1, 2]}, {compare_exchange, [A, 1, 2, 3]}, {info, [A]}]).

t_counters() ->
    C = counters:new(3, []),
    calls(counters, [{new, [3, []]}, {get, [C, 1]}, {add, [C, 1, 2]}, {sub, [C, 1, 2]},
        {put, [C, 1, 2]}, {info, [C]}]).

t_binary() ->
    B = <<"a binary">>,
    calls(binary, [{at, [B, 2]}, {copy, [B]}, {copy, [B, 2]}, {decode_unsigned, [B]},
        {decode_unsigned, [B, big]}, {encode_unsigned, [7]}, {encode_unsigned, [7, big]},
        {first, [B]}, {last, [B]}, {list_to_bin, [[1, 2]]}, {bin_to_list, [B]},
        {bin_to_list, [B, {1, 2}]}, {bin_to_list, [B, 1, 2]},
        {longest_common_prefix, [[B, B]]}, {longest_common_suffix, [[B, B]]},
        {match, [B, <<"b">>]}, {match, [B, <<"b">>, []]}, {matches, [B, <<"b">>]},
        {matches, [B, <<"b">>, [{scope, {0, 3}}]]}, {part, [B, {1, 2}]}, {part, [B, 1, 2]},
        {referenced_byte_size, [B]}, {split, [B, <<" ">>]}, {split, [B, <<" ">>, [global]]},
        {replace, [B, <<" ">>, <<"_">>]}, {replace, [B, <<" ">>, <<"_">>, [global]]},
        {compile_pattern, [<<"x">>]}, {encode_hex, [B]}, {decode_hex, [<<"00ff">>]}]).

t_lists() ->
    calls(lists, [{keyfind, [a, 1, [{a, b}]]}, {keymember, [a, 1, [{a, b}]]},
        {keysearch, [a, 1, [{a, b}]]}, {member, [a, [b, a]]}, {reverse, [[1, 2]]},
        {reverse, [[1, 2], [3]]}, {append, [[1], [2]]}, {subtract, [[1], [2]]}]).

t_maps() ->
    M = #{a => 1, 2 => b},
    calls(maps, [{find, [a, M]}, {from_keys, [[a, b], 1]}, {from_list, [[{a, 1}]]}, {get, [a, M]},
        {get, [a, M, x]}, {is_key, [a, M]}, {keys, [M]}, {merge, [M, M]}, {put, [a, 1, M]},
        {remove, [a, M]}, {take, [a, M]}, {to_list, [M]}, {update, [a, 2, M]}, {values, [M]},
        {size, [M]}, {iterator, [M]}, {next, [maps:iterator(M)]}, {map, [fun(_, V) -> V end, M]},
        {filter, [fun(_, _) -> true end, M]}, {fold, [fun(_, _, A) -> A end, 0, M]},
        {with, [[a], M]}, {without, [[a], M]}, {merge_with, [fun(_, A, _) -> A end, M, M]},
        {intersect, [M, M]}, {groups_from_list, [fun(X) -> X end, [1, 2]]}]).

t_math() ->
    calls(math, [{F, [0.5]} || F <- [acos, acosh, asin, asinh, atan, atanh, ceil, cos, cosh, exp,
        floor, log, log10, log2, sin, sinh, sqrt, tan, tanh, erf, erfc]])
        ++ calls(math, [{atan2, [0.5, 0.5]}, {fmod, [5, 3]}, {pow, [2, 3]}])
        ++ [told(math, F, Args) || {F, Args} <- [{sqrt, [-1]}, {log, [0]}, {log, [-1]},
            {log2, [0]}, {log10, [-3]}, {acos, [2]}, {asin, [2]}, {atanh, [2]}, {acosh, [0]},
            {fmod, [1, 0]}, {pow, [0, -1]}, {pow, [-1, 0.5]}, {exp, [1000]}, {cosh, [1000]}]].

t_unicode() ->
    calls(unicode, [{characters_to_binary, ["text"]}, {characters_to_binary, ["text", utf8]},
        {characters_to_binary, ["text", utf8, latin1]}, {characters_to_list, [<<"text">>]},
        {characters_to_list, [<<"text">>, utf8]}, {bom_to_encoding, [<<"text">>]},
        {encoding_to_bom, [utf8]}, {characters_to_nfc_list, ["text"]},
        {characters_to_nfd_binary, ["text"]}]).

t_re() ->
    {ok, P} = re:compile("a(b)"),
    calls(re, [{compile, ["a"]}, {compile, ["a", []]}, {run, ["abc", "b"]}, {run, ["abc", P]},
        {run, ["abc", "b", [{capture, all, list}]]}, {run, ["abc", P, [global]]},
        {replace, ["abc", "b", "x"]}, {replace, ["abc", "b", "x", [global]]},
        {split, ["abc", "b"]}, {split, ["abc", "b", [{return, list}]]}, {inspect, [P, namelist]}])
        ++ [told(re, run, ["abc", "b", [O]]) || O <- [{offset, -1}, {capture, x},
            {capture, [a]}, {capture, all, x}, {newline, x}, {match_limit, -1}, nonsense,
            {match_limit_recursion, x}, {loop_limit, x}]]
        ++ [told(re, compile, [Bad]) || Bad <- ["(", "a{2,1}", "[b", "*", "(?<n", "\\"]].

t_os() ->
    calls(os, [{getenv, ["NO_SUCH_NAME"]}, {getenv, ["NO_SUCH_NAME", x]}, {putenv, ["N", "v"]},
        {unsetenv, ["N"]}, {set_signal, [sigusr2, default]}])
        ++ [told(os, F, Args) || {F, Args} <- [{putenv, ["a=b", "c"]}, {putenv, [[0], "c"]},
            {putenv, ["a", [0]]}, {getenv, ["a=b"]}, {system_time, [nonsense]},
            {set_signal, [sigkill, default]}]].

t_persistent_term() ->
    persistent_term:put(failures, 1),
    calls(persistent_term, [{get, [failures]}, {get, [failures, 2]}])
        ++ [told(persistent_term, get, [no_such_key])].

t_ets() ->
    failures = ets:new(failures, [named_table, public]),
    fixed = ets:new(fixed, [named_table, protected, ordered_set, {keypos, 2}]),
    ets:insert(failures, [{1, 2, 3}, {a, 1.5}]),
    T = failures,
    calls(ets, [{delete_object, [T, {9}]}, {first, [T]}, {last, [T]}, {insert, [T, {1, 2, 3}]},
        {insert_new, [T, {1, 2, 3}]}, {lookup, [T, 1]}, {lookup_element, [T, 1, 2]},
        {match, [T, {'$1', 2, '_'}]}, {match, [T, {'$1', 2, '_'}, 5]}, {match_delete, [T, {x}]},
        {match_object, [T, {'$1', 2, '_'}]}, {match_object, [T, {'$1', 2, '_'}, 5]},
        {member, [T, 1]}, {new, [name, [set]]}, {next, [T, 1]}, {prev, [fixed, 1]},
        {safe_fixtable, [T, true]}, {select, [T, [{{'$1', '_'}, [], ['$1']}]]},
        {select, [T, [{{'$1', '_'}, [], ['$1']}], 5]}, {select_count, [T, [{{x}, [], [true]}]]},
        {select_delete, [T, [{{x}, [], [true]}]]}, {select_replace, [T, [{{x}, [], ['$_']}]]},
        {select_reverse, [T, [{{x}, [], ['$_']}]]}, {slot, [T, 0]}, {take, [T, 77]},
        {update_counter, [T, 1, 1]}, {update_counter, [T, 1, {2, 1}, {1, 0, 0}]},
        {update_element, [T, 1, {2, 2}]}, {whereis, [T]}, {info, [T]}, {info, [T, size]},
        {tab2list, [T]}, {setopts, [T, [{heir, none}]]}, {give_away, [T, self(), x]},
        {is_compiled_ms, [x]}, {match_spec_compile, [[{'_', [], ['$_']}]]},
        {rename, [no_table, other]}, {fun2ms, [x]}, {test_ms, [{1}, [{{'$1'}, [], ['$1']}]]}])
        ++ [told(ets, F, Args) || {F, Args} <- [{insert, [T, {}]}, {insert, [fixed, {1}]},
            {insert, [T, [{1}, x]]}, {lookup_element, [T, 1, 9]}, {lookup_element, [T, none, 1]},
            {update_counter, [T, none, 1]}, {update_counter, [T, 1, {9, 1}]},
            {update_counter, [T, 1, {1, 1}]}, {update_counter, [T, a, {2, 1}]},
            {update_element, [T, 1, {1, 1}]}, {update_element, [T, none, {2, 1}]},
            {new, [failures, [named_table]]}, {new, [x, [{keypos, 0}]]}, {new, [x, [nonsense]]},
            {next, [T, none]}, {prev, [T, none]}, {rename, [T, fixed]}]].

t_zlib() ->
    Z = zlib:open(),
    [told(zlib, F, Args) || {F, Args} <- [{deflateInit, [x]}, {inflate, [Z, <<"x">>]},
        {deflate, [Z, <<"x">>]}, {deflateInit, [Z, 12]}, {deflateInit, [Z, x]},
        {inflateInit, [Z, x]}, {deflateEnd, [Z]}, {inflateEnd, [Z]}, {close, [x]}, {compress, [x]},
        {uncompress, [<<"x">>]}, {uncompress, [x]}, {gunzip, [<<"x">>]}, {unzip, [x]}, {crc32, [x]},
        {gzip, [[x]]}, {zip, [300]}, {uncompress, [<<>>]}]].

t_texts() ->
    calls(string, [{list_to_integer, ["12x"]}, {list_to_float, ["1.5x"]}])
        ++ calls(io_lib, [{format, ["~w", [1]]}, {fread, ["~d", "12"]}, {write, [x]},
            {printable_list, ["x"]}]).

t_erlang_numbers() ->
    calls(erlang, [{F, [2, 3]} || F <- ['+', '-', '*', '/', 'div', 'rem', 'band', 'bor', 'bxor',
        'bsl', 'bsr', 'and', 'or', 'xor']])
        ++ calls(erlang, [{F, [2]} || F <- [abs, 'bnot', '-', '+', ceil, floor, round, trunc,
            float]])
        ++ calls(erlang, [{integer_to_list, [7]}, {integer_to_list, [7, 16]},
            {integer_to_binary, [7]}, {integer_to_binary, [7, 16]}, {list_to_integer, ["7"]},
            {list_to_integer, ["7", 16]}, {binary_to_integer, [<<"7">>]},
            {binary_to_integer, [<<"7">>, 16]}, {float_to_list, [1.5]},
            {float_to_list, [1.5, [{decimals, 2}]]}, {float_to_binary, [1.5]},
            {float_to_binary, [1.5, [{decimals, 2}]]}, {list_to_float, ["1.5"]},
            {binary_to_float, [<<"1.5">>]}]).

t_erlang_terms() ->
    calls(erlang, [{append_element, [{1}, 2]}, {delete_element, [1, {1}]}, {element, [1, {1}]},
        {insert_element, [1, {1}, 2]}, {make_tuple, [2, x]}, {make_tuple, [2, x, [{1, y}]]},
        {setelement, [1, {1}, 2]}, {tuple_to_list, [{1}]}, {tuple_size, [{1}]}, {size, [{1}]},
        {list_to_tuple, [[1]]}, {length, [[1]]}, {hd, [[1]]}, {tl, [[1]]}, {'++', [[1], [2]]},
        {'--', [[1], [2]]}, {map_get, [a, #{a => 1}]}, {map_size, [#{}]}, {is_map_key, [a, #{}]},
        {is_record, [{a}, a]}, {is_record, [{a}, a, 1]}, {is_function, [fun abs/1, 1]},
        {phash, [x, 9]}, {phash2, [x]}, {phash2, [x, 9]}, {fun_info, [fun abs/1]},
        {fun_info, [fun abs/1, arity]}, {fun_to_list, [fun abs/1]}, {make_fun, [erlang, abs, 1]},
        {external_size, [x]}, {external_size, [x, []]}, {term_to_binary, [x]},
        {term_to_binary, [x, [compressed]]}, {term_to_iovec, [x]}, {term_to_iovec, [x, []]},
        {binary_to_term, [<<131, 106>>]}, {binary_to_term, [<<131, 106>>, [safe]]}]).

t_erlang_bytes() ->
    B = <<"bytes">>,
    calls(erlang, [{atom_to_binary, [x]}, {atom_to_binary, [x, utf8]}, {atom_to_list, [x]},
        {binary_part, [B, {1, 2}]}, {binary_part, [B, 1, 2]}, {binary_to_atom, [B]},
        {binary_to_atom, [B, utf8]}, {binary_to_existing_atom, [<<"atom">>]},
        {binary_to_existing_atom, [<<"atom">>, utf8]}, {binary_to_list, [B]},
        {binary_to_list, [B, 1, 2]}, {bit_size, [B]}, {bitstring_to_list, [B]}, {byte_size, [B]},
        {iolist_size, [[B]]}, {iolist_to_binary, [[B]]}, {iolist_to_iovec, [[B]]},
        {list_to_atom, ["x"]}, {list_to_existing_atom, ["atom"]}, {list_to_binary, [[B]]},
        {list_to_bitstring, [[B]]}, {split_binary, [B, 2]}, {adler32, [B]}, {adler32, [1, B]},
        {adler32_combine, [1, 2, 3]}, {crc32, [B]}, {crc32, [1, B]}, {crc32_combine, [1, 2, 3]},
        {md5, [B]}, {md5_update, [erlang:md5_init(), B]}, {md5_final, [erlang:md5_init()]},
        {decode_packet, [line, <<"a\n">>, []]}]).

t_erlang_time() ->
    calls(erlang, [{convert_time_unit, [7, second, millisecond]},
        {localtime_to_universaltime, [{{2020, 1, 1}, {1, 1, 1}}, false]},
        {universaltime_to_localtime, [{{2020, 1, 1}, {1, 1, 1}}]},
        {universaltime_to_posixtime, [{{2020, 1, 1}, {1, 1, 1}}]},
        {posixtime_to_universaltime, [7]}, {cancel_timer, [make_ref()]},
        {cancel_timer, [make_ref(), []]}, {read_timer, [make_ref()]},
        {read_timer, [make_ref(), []]}, {send_after, [1 bsl 30, self(), x]},
        {send_after, [1 bsl 30, self(), x, []]}, {start_timer, [1 bsl 30, self(), x]},
        {start_timer, [1 bsl 30, self(), x, [{abs, false}]]}])
        ++ [told(erlang, F, [nonsense]) || F <- [monotonic_time, system_time, time_offset,
            unique_integer]].

t_erlang_processes() ->
    %% Some of those that are spawned fail.
    process_flag(trap_exit, true),
    P = spawn(fun() -> receive after infinity -> ok end end),
    calls(erlang, [{'!', [P, x]}, {send, [P, x]}, {send, [P, x, []]}, {spawn, [erlang, abs, [1]]},
        {spawn_link, [erlang, abs, [1]]}, {spawn_monitor, [erlang, abs, [1]]},
        {spawn_opt, [erlang, abs, [1], []]},
        {link, [P]}, {unlink, [P]}, {monitor, [process, P]}, {monitor, [process, P, []]},
        {demonitor, [make_ref()]}, {demonitor, [make_ref(), [flush]]}, {register, [failing, P]},
        {unregister, [failing]}, {whereis, [failing]}, {process_info, [P, status]},
        {process_flag, [trap_exit, false]}, {is_process_alive, [P]}, {suspend_process, [P, []]},
        {resume_process, [P]}, {group_leader, [P, P]}, {garbage_collect, [P, []]},
        {check_process_code, [P, lists]}, {pid_to_list, [P]}, {list_to_pid, ["<0.1.0>"]},
        {ref_to_list, [make_ref()]}, {list_to_ref, ["#Ref<0.1.2.3>"]}, {alias, [[]]},
        {unalias, [make_ref()]}, {put, [a, b]}, {erase, [a]}, {get, [a]},
        {bump_reductions, [1]}]).

%% With a fun among its arguments, or a third atom, it asks another node.
t_erlang_spawn_request() ->
    [{At, Bad, told(erlang, spawn_request, replaced(At, Bad, [erlang, abs, [1], []]))}
     || At <- [1, 2, 3, 4], Bad <- bad(), not is_function(Bad), {At, Bad} =/= {3, atom}].

%% Hibernation that begins does not come back.
t_erlang_hibernate() ->
    [begin
        {Pid, Monitor} = spawn_monitor(fun() -> self() ! wake, exit(told(erlang, hibernate, Args)) end),
        receive {'DOWN', Monitor, _, Pid, Why} -> Why end
     end || Bad <- [atom, 1, <<5:3>>, [a | b], fun erlang:abs/1], At <- [1, 2, 3],
            Args <- [replaced(At, Bad, [erlang, exit, [x]])]].

t_erlang_code() ->
    calls(erlang, [{function_exported, [lists, map, 2]}, {is_builtin, [erlang, abs, 1]},
        {module_loaded, [lists]}, {check_old_code, [lists]}, {get_module_info, [lists]},
        {get_module_info, [lists, module]}, {load_module, [no_such_module, <<>>]},
        {delete_module, [no_such_module]}, {purge_module, [no_such_module]},
        {system_info, [schedulers]}, {statistics, [runtime]},
        {system_flag, [backtrace_depth, 8]}, {nodes, [this]},
        {monitor_node, [node(), false]}, {apply, [erlang, abs, [1]]}, {apply, [fun abs/1, [1]]},
        {port_info, [x]}, {port_to_list, [x]}, {list_to_port, ["#Port<0.99999>"]},
        {port_command, [x, y]}, {port_control, [x, 1, y]}, {port_close, [x]}, {port_call, [x, 1, y]},
        {port_connect, [x, y]}, {open_port, [{spawn, "true"}, []]}, {nif_error, [x]},
        {raise, [error, x, []]}, {halt, [x, y]}]).

t_erlang_rest() ->
    calls(erlang, [{exit_signal, [spawn(fun() -> ok end), x]}, {finish_after_on_load, [no_such_module, true]},
        {finish_loading, [[]]}, {fun_info_mfa, [fun() -> ok end]}, {get_keys, [x]},
        {has_prepared_code_on_load, [make_ref()]}, {match_spec_test, [{1}, [{'_', [], ['$_']}], table]},
        {port_get_data, [x]}, {port_set_data, [x, y]}, {spawn_request_abandon, [make_ref()]},
        {system_profile, [undefined, []]}, {throw, [x]},
        {localtime_to_universaltime, [{{2020, 1, 1}, {1, 1, 1}}]}, {timestamp, []},
        {list_to_tuple, [[1, 2]]}])
        ++ [told(erlang, system_monitor, Args)
            || Args <- [[x], [{self(), x}], [{x, []}], [self(), x], [self(), [x]], [x, [busy_port]],
                        [self(), [{long_gc, x}]], [self(), [{large_heap, -1}]], [self(), [busy_port | x]]]]
        ++ [told(erlang, system_profile, Args) || Args <- [[self(), x], [self(), [x]], [x, [runnable_procs]]]].

t_erts_debug() ->
    calls(erts_debug, [{same, [x, x]}, {map_info, [#{}]}, {copy_shared, [x]}, {size_shared, [x]},
        {lcnt_control, [x]}, {lcnt_control, [x, y]}]).

t_ets_and_os() ->
    calls(ets, [{delete, [ets:new(x, [])]}, {delete, [ets:new(x, []), 1]}])
        ++ [told(os, F, [nonsense]) || F <- [perf_counter, timestamp, getpid]]
        ++ [told(unicode, bin_is_7bit, [X]) || X <- bad()].
