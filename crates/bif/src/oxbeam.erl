%% Upgrades of running code: what a set of files would change, and the change itself.
%%
%% This module belongs to the runtime. It is loaded when one of its functions is called first, and the
%% code server knows nothing of it. See docs/Upgrade.md.
-module(oxbeam).
-export([upgrade_plan/1, upgrade/1]).
-export([ask_use/3]).
-export_type([file/0, plan/0, change/0, use/0, frame/0]).

%% A path, or a module's file with or without the name that the code server is told.
-type file() :: file:name_all() | {module(), binary()} | {module(), file:filename(), binary()}.
-type frame() :: {module(), atom(), arity(), [{file, string()} | {line, pos_integer()}]}.
-type change() :: #{
    module := module(),
    change := new | changed | unchanged,
    added := [{atom(), arity()}],
    removed := [{atom(), arity()}],
    old_code := boolean()
}.
%% What a process uses of the modules that change: frames of old and of current code, innermost first,
%% and how many funs of each are on its heap.
-type use() :: #{
    pid := pid(),
    name => atom(),
    old := [frame()],
    current := [frame()],
    old_funs := non_neg_integer(),
    current_funs := non_neg_integer()
}.
-type plan() :: #{
    modules := [change()],
    processes := [use()],
    killed := [pid()],
    refused := [{module(), term()}]
}.

-record(new, {module, file, bytes, change}).

%% What loading these files would do. Nothing is changed.
-spec upgrade_plan([file()]) -> {ok, plan()} | {error, [{module() | file:name_all(), term()}]}.
upgrade_plan(Files) ->
    case examined(Files) of
        {ok, News} ->
            Changing = changing(News),
            Processes = uses(modules(Changing)),
            {ok, #{
                modules => [New#new.change || New <- News],
                processes => Processes,
                killed => [Pid || #{pid := Pid, old := [_ | _]} <- Processes],
                refused => refused(Changing)
            }};
        {error, _} = Error ->
            Error
    end.

%% Loads those of the files that change something, all in one commit, or none. Old code that is there
%% is purged before, if no process runs in it; nobody is killed.
-spec upgrade([file()]) -> {ok, [module()]} | {error, [{module() | file:name_all(), term()}]}.
upgrade(Files) ->
    case examined(Files) of
        {ok, News} -> load(changing(News));
        {error, _} = Error -> Error
    end.

load([]) ->
    {ok, []};
load(Changing) ->
    Steps = [
        fun(_) -> none_refused(refused(Changing)) end,
        fun(_) -> code:prepare_loading([{M, F, B} || #new{module = M, file = F, bytes = B} <- Changing]) end,
        fun(Prepared) -> purged(with_old_code(modules(Changing)), Prepared) end,
        fun(Prepared) -> code:finish_loading(Prepared) end
    ],
    case steps(Steps, none) of
        ok -> {ok, modules(Changing)};
        {error, _} = Error -> Error
    end.

steps([Last], Value) ->
    Last(Value);
steps([Step | Steps], Value) ->
    case Step(Value) of
        {ok, Next} -> steps(Steps, Next);
        {error, _} = Error -> Error
    end.

none_refused([]) -> {ok, none};
none_refused(Refused) -> {error, Refused}.

%% All are looked at before the first is purged.
purged(Modules, Prepared) ->
    Kept =
        case in_old_code(Modules) of
            [] -> [M || M <- Modules, not code:soft_purge(M)];
            Pids -> [M || M <- Modules, used(M, Pids)]
        end,
    case Kept of
        [] -> {ok, Prepared};
        _ -> {error, [{M, {not_purged, in_old_code([M])}} || M <- Kept]}
    end.

used(Module, Pids) -> lists:any(fun(Pid) -> erlang:check_process_code(Pid, Module) end, Pids).

in_old_code([]) -> [];
in_old_code(Modules) -> [Pid || #{pid := Pid, old := [_ | _]} <- uses(Modules)].

with_old_code(Modules) -> [M || M <- Modules, erlang:check_old_code(M)].

modules(News) -> [New#new.module || New <- News].

changing(News) -> [New || #new{change = #{change := Change}} = New <- News, Change =/= unchanged].

%% Why the code server would not take them.
refused(Changing) ->
    Sticky = [{M, sticky_directory} || #new{module = M} <- Changing, code:is_sticky(M)],
    OnLoad = [{M, on_load_not_allowed} || #new{module = M, bytes = B} <- Changing, has_on_load(M, B)],
    Sticky ++ OnLoad.

has_on_load(Module, Bytes) ->
    erlang:has_prepared_code_on_load(erlang:prepare_loading(Module, Bytes)).

%% --- the files

examined(Files) ->
    Read = [examine(read(File)) || File <- Files],
    News = [New || #new{} = New <- Read],
    Modules = modules(News),
    Twice = [{M, duplicated} || M <- lists:usort(Modules -- lists:usort(Modules))],
    case [Error || {error, Error} <- Read] ++ Twice of
        [] -> {ok, News};
        Errors -> {error, Errors}
    end.

read({Module, Bytes}) when is_atom(Module), is_binary(Bytes) ->
    File =
        case code:which(Module) of
            [_ | _] = Known -> Known;
            _ -> atom_to_list(Module) ++ ".beam"
        end,
    {Module, File, Bytes};
read({Module, File, Bytes}) when is_atom(Module), is_binary(Bytes) ->
    {Module, File, Bytes};
read(Path) ->
    case file:read_file(Path) of
        {ok, Bytes} ->
            case beam_lib:chunks(Bytes, []) of
                {ok, {Module, []}} -> {Module, filename:absname(text(Path)), Bytes};
                {error, beam_lib, _} -> {error, {Path, badfile}}
            end;
        {error, Reason} ->
            {error, {Path, Reason}}
    end.

text(Path) when is_binary(Path) -> unicode:characters_to_list(Path);
text(Path) -> Path.

examine({error, _} = Error) ->
    Error;
examine({Module, File, Bytes}) ->
    %% What can be read and what can be loaded are not the same.
    case {beam_lib:chunks(Bytes, [exports]), erlang:prepare_loading(Module, Bytes)} of
        {{ok, {Module, [{exports, Exports}]}}, Prepared} when is_reference(Prepared) ->
            Change = change(Module, code:module_md5(Bytes), Exports),
            #new{module = Module, file = File, bytes = Bytes, change = Change};
        _ ->
            {error, {Module, badfile}}
    end.

change(Module, Md5, Exports) ->
    {Change, Before} =
        case erlang:module_loaded(Module) of
            false ->
                {new, []};
            true ->
                Before0 = erlang:get_module_info(Module, exports),
                case erlang:get_module_info(Module, md5) of
                    Md5 -> {unchanged, Before0};
                    _ -> {changed, Before0}
                end
        end,
    #{
        module => Module,
        change => Change,
        added => lists:sort(Exports -- Before),
        removed => lists:sort(Before -- Exports),
        old_code => erlang:check_old_code(Module)
    }.

%% --- the processes

uses([]) ->
    [];
uses(Modules) ->
    Ref = make_ref(),
    Count = length([Pid || Pid <- processes(), ask_use(Pid, Ref, Modules)]),
    lists:sort(fun(#{pid := A}, #{pid := B}) -> A =< B end, answers(Ref, Count)).

answers(_, 0) ->
    [];
answers(Ref, Count) ->
    receive
        {Ref, none} -> answers(Ref, Count - 1);
        {Ref, Use} -> [use(Use) | answers(Ref, Count - 1)]
    end.

use({Pid, Old, Current, OldFuns, CurrentFuns}) ->
    Use = #{pid => Pid, old => Old, current => Current, old_funs => OldFuns, current_funs => CurrentFuns},
    case process_info(Pid, registered_name) of
        {registered_name, Name} -> Use#{name => Name};
        _ -> Use
    end.

%% Has a process answer `{Ref, none}` or `{Ref, {Pid, Old, Current, OldFuns, CurrentFuns}}`; false: it
%% is gone. The runtime puts its own function in the place of this one.
-spec ask_use(pid(), reference(), [module()]) -> boolean().
ask_use(_, _, _) -> erlang:nif_error(not_loaded).
