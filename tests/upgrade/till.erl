%% The server of docs/Upgrade.md, in two versions: a till that takes payments. The first counts the
%% money, the second the payments too; it asks another function of its tariff.
-module(till).
-behaviour(gen_server).
-vsn(?VSN).
-export([start/0, pay/1, report/0]).
-export([init/1, handle_call/3, handle_cast/2, code_change/3]).

start() -> gen_server:start({local, ?MODULE}, ?MODULE, [], []).

%% Gives the versions that the payment has met: that of the till and that of its tariff.
pay(Thing) -> gen_server:call(?MODULE, {pay, Thing}).
report() -> gen_server:call(?MODULE, report).

handle_cast(_, State) -> {noreply, State}.

-if(?VSN =:= 1).
init([]) -> {ok, {money, 0}}.

handle_call(report, _, {money, Money} = State) -> {reply, #{version => 1, money => Money}, State};
handle_call({pay, Thing}, _, {money, Money}) ->
    {Version, Price} = tariff:price(Thing),
    {reply, {1, Version}, {money, Money + Price}}.

code_change({down, _}, #{money := Money}, _) -> {ok, {money, Money}}.
-else.
init([]) -> {ok, #{money => 0, payments => 0}}.

handle_call(report, _, State) -> {reply, State#{version => 2}, State};
handle_call({pay, Thing}, _, #{money := Money, payments := Payments}) ->
    {Version, Price} = tariff:price_and_tax(Thing),
    {reply, {2, Version}, #{money => Money + Price, payments => Payments + 1}}.

code_change(1, {money, Money}, _) -> {ok, #{money => Money, payments => Money div 5}}.
-endif.
