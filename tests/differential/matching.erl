%% Match specifications of the dialect of tracing, tested.
-module(matching).
-compile([export_all, nowarn_export_all]).

t_bodies_guards_heads() -> [{A, M, tried(A, M)} || {A, M} <- cases()].
t_values() -> [{M, tried([a], [{'_', [], [{message, M}]}])} || M <- values()].
t_heads_and_arguments() -> [{A, H, tried(A, [{H, [], []}])} || {A, H} <- heads()].
t_guards() -> [{G, tried([], [{'_', [G], [ok]}])} || G <- guards()].
t_dialects() -> [catch_it(fun() -> erlang:match_spec_test(A, S, D) end) || {A, S, D} <- [{[a], [{'_', [], []}], foo}, {a, [{'_', [], []}], trace}, {[], x, trace}, {{a}, [{{'$1'}, [], [{message, a}]}], table}, {{a}, [{{'$1'}, [{get_tcw}], [a]}], table}]].
t_nothing_is_changed() -> tried([], [{'_', [], [{set_tcw, 5}, {set_seq_token, label, 1}, {silent, true}]}]), {erlang:system_info(trace_control_word), tried([], [{'_', [], [{message, [{get_tcw}, {get_seq_token}]}]}])}.
t_dump() -> {ok, D, [], []} = tried([], [{'_', [], [{message, {process_dump}}]}]), binary:match(D, <<"=proc:">>).

tried(A, M) -> catch_it(fun() -> named(erlang:match_spec_test(A, M, trace)) end).
named(P) when is_pid(P) -> P =:= self();
named(T) when is_tuple(T) -> list_to_tuple(named(tuple_to_list(T)));
named([H | T]) -> [named(H) | named(T)];
named(X) -> X.
b(Body) -> {[a, b], [{'_', [], Body}]}.
g(Guard) -> {[a, b], [{'_', [Guard], [ok]}]}.
cases() -> [
b([]), b([true]), b([false]), b([{message,hej}]), b([{message,false}]), b([{message,true}]), b([{message,hej},{message,foo}]), b([{return_trace}]), b([{exception_trace}]), b([{return_trace},{exception_trace}]), b([{exception_trace},{return_trace}]), b([{return_trace},{message,false}]),
 b([{caller}]), b([{message,{caller}}]), b([{message,{caller_line}}]), b([{message,{self}}]), b([{message,{node}}]), b([{message,'$_'}]), b([{message,'$$'}]), b([{message,{get_seq_token}}]), b([{message,{is_seq_trace}}]), b([{set_seq_token,label,1}]), b([{message,{set_seq_token,label,1}}]), b([{message,{set_seq_token,foo,1}}]),b([{message,{set_seq_token,send,true}}]), b([{message,{set_seq_token,label,foo}}]),
 b([{enable_trace,call}]), b([{message,{enable_trace,call}}]), b([{message,{enable_trace,foo}}]), b([{message,{enable_trace,{self},call}}]), b([{message,{disable_trace,call}}]), b([{message,{disable_trace,{self},call}}]), b([{message,{trace,[call],[]}}]), b([{message,{trace,[call],[foo]}}]), b([{message,{trace,[],[]}}]), b([{message,{trace,{self},[call],[]}}]), b([{message,{trace,a,[]}}]),
 b([{silent,true}]), b([{message,{silent,true}}]), b([{message,{silent,foo}}]), b([{message,{get_tcw}}]), b([{message,{set_tcw,5}}]), b([{message,{set_tcw,a}}]), b([{message,{set_tcw_fake,5}}]), b([{set_tcw,5},{message,{get_tcw}}]),
 g({is_seq_trace}), g({get_tcw}), g({'==',{get_tcw},0}), g({set_tcw,5}), g({message,hej}), g({return_trace}), g({exception_trace}), g({caller}), g({process_dump}), g({enable_trace,call}), g({disable_trace,call}), g({trace,[call],[]}), g({silent,true}), g({display,a}), g({get_seq_token}), g({set_seq_token,label,1}), g({caller_line}), g({set_tcw_fake,1}), g({node}), g({'=:=',{self},{self}}),
 b([{message}]), b([{message,a,b}]), b([{return_trace,a}]), b([{exception_trace,a}]), b([{caller,a}]), b([{caller_line,a}]), b([{process_dump,a}]), b([{enable_trace}]), b([{enable_trace,a,b,c}]), b([{disable_trace}]), b([{trace}]), b([{trace,a,b,c,d}]), b([{silent}]), b([{silent,a,b}]), b([{display}]), b([{display,a,b}]), b([{get_seq_token,a}]), b([{set_seq_token}]), b([{set_seq_token,a}]), b([{is_seq_trace,a}]), b([{get_tcw,a}]), b([{set_tcw}]), b([{const}]), b([{self,a}]),
 {[a,b], [{['$1','$2'],[],[{message,{{'$2','$1'}}}]}]}, {[a,b], [{['$1'],[],[true]}]}, {[a,b],[{'$1',[],[{message,'$1'}]}]}, {[a,b],[{'$_',[],[]}]}, {a,[{'_',[],[]}]}, {{a,b},[{'_',[],[]}]}, {[a|b],[{'_',[],[]}]}, {[],[{[],[],[]}]}, {[a],[{[a],[],[]}]}, {[a],[{['$1'|'$2'],[],[]}]}, {[a],[{{'$1'},[],[]}]}, {[a],[{foo,[],[]}]}, {[a],[{[b],[],[]}]}, {[a],[]}, {[a],foo}, {[a],[{a,b}]}, {[a],[{'_',a,[]}]}, {[a],[{'_',[],a}]}, {[a],[{'_',[],[a|b]}]}, {[a],[{'_',[a|b],[]}]}, {[a],[{'_',[],[{foo}]}]},{[a],[{'_',[],['$1']}]},{[a],[{'$1',[],['$1']}]},{[a],[{'_',[{is_atom,'$1'}],[]}]},
 {[a],[{[b],[],[{message,x}]},{[a],[],[{message,y}]}]}, {[a],[{[a],[{hd,x}],[{message,x}]},{[a],[],[{message,y}]}]}, b([{message,{hd,x}}]), b([{hd,x}]), b([{message,{'+',1,a}}]), b([{message,{{a,{'+',1,2}}}}]),
 {["abc",#{a=>1}],[{['$1',#{a=>'$2'}],[],[{message,['$1','$2']}]}]}, {[1,2,3],[{[1,'_','$1'],[{'>','$1',2}],[{return_trace},{message,'$$'}]}]}, {[a],[{'_',[],[{enable_trace,call},{exception_trace},{message,[done]}]}]},
 {[a],[{'_',[],[{message,{exception_trace}}]}]}, {[a],[{'_',[],[{message,{return_trace}}]}]}, {[a],[{'_',[],[{message,{message,x}}]}]}, {[a],[{'_',[],[{message,{'and',true,{return_trace}}}]}]}].
values() -> [{set_seq_token,send,foo},{set_seq_token,serial,{0,0}},{set_seq_token,serial,5},{set_seq_token,timestamp,true},{set_seq_token,monotonic_timestamp,true},{set_seq_token,strict_monotonic_timestamp,false},{set_seq_token,'receive',true},{set_seq_token,print,true},{set_seq_token,label,{{a}}},{set_seq_token,1,2},{enable_trace,foo,call},{enable_trace,{self},foo},{enable_trace,[call]},{disable_trace,1},{trace,[foo],[]},{trace,foo,[],[]},{trace,[call|a],[]},{enable_trace,all},{enable_trace,cpu_timestamp},{enable_trace,return_to},{enable_trace,set_on_spawn},{enable_trace,{const,{tracer,a}}},{enable_trace,cpu},{silent,false},{set_tcw,-1},{set_tcw,1 bsl 32},{set_tcw,(1 bsl 32)-1},{set_tcw_fake,a},{enable_trace,init,call},{trace,init,[call],[]},{'+',{get_tcw},1}].
heads() -> [{[a|b],['$1']},{[a,b|c],['$1','$2']},{[a],{a}},{[a],{}},{[],{}},{"ab",[97,'_']},{[],'$1'},{[#{}],[#{}]},{[a],a},{[a],[[a|'$1']]}, {[[a]],[[a|'$1']]}, {a,['$1']}, {#{},'_'}].
guards() -> [{is_seq_trace, a}, {message}, {get_tcw, 1}, {const, a, b}, {caller, a}, {silent}, {is_seq_trace}, {'=:=', {get_tcw}, 0}].
catch_it(F) -> try F() catch C:R -> {C, R} end.
