# What Elixir's own library does on the runtime: macros, protocols, processes, text, files, errors.
defmodule Sample.Shape do
  defstruct [:name, sides: 4]
end

defprotocol Sample.Area do
  @fallback_to_any true
  def area(shape)
end

defimpl Sample.Area, for: Sample.Shape do
  def area(%{sides: sides}), do: sides * sides
end

defimpl Sample.Area, for: Any do
  def area(_), do: :none
end

defmodule Sample.Macro do
  defmacro twice(expression) do
    quote do
      {unquote(expression), unquote(expression)}
    end
  end
end

defmodule Sample.Counter do
  use GenServer
  def start_link(n), do: GenServer.start_link(__MODULE__, n, name: __MODULE__)
  def init(n), do: {:ok, n}
  def handle_call(:next, _, n), do: {:reply, n, n + 1}
  def handle_cast(:crash, _), do: exit(:asked)
end

defmodule Sample do
  require Sample.Macro
  import Bitwise

  def run do
    data()
    text()
    processes()
    files()
    errors()
  end

  def data do
    IO.inspect(Sample.Macro.twice(1 + 1))
    IO.inspect(Enum.map([%Sample.Shape{name: "x"}, 1], &Sample.Area.area/1))
    IO.inspect(for x <- 1..4, y <- x..4, rem(x * y, 3) == 0, into: %{}, do: {{x, y}, x <<< y})
    IO.inspect(1..100_000 |> Stream.map(&(&1 * 3)) |> Stream.filter(&(rem(&1, 7) == 0)) |> Enum.sum())
    IO.inspect(Enum.group_by(~w(a bb cc d eee), &String.length/1))
    IO.inspect(with {:ok, a} <- {:ok, 1}, :error <- Map.fetch(%{}, a), do: :none)
    IO.inspect(Enum.reduce(1..50, 1, &*/2))
    IO.inspect(MapSet.new([3, 1, 2, 3]) |> MapSet.union(MapSet.new(1..40)) |> MapSet.size())
    IO.inspect(put_in(%{a: %{b: [1, 2]}}[:a][:b], Enum.to_list(?a..?e)))
    IO.inspect(Date.diff(~D[2024-03-01], ~D[2023-02-28]))
  end

  def text do
    IO.puts(String.upcase("straße, ΑΣ") <> String.reverse("noël"))
    IO.inspect(String.graphemes("👩‍👩‍👦é"))
    IO.inspect(Regex.named_captures(~r/(?<year>\d{4})-(?<rest>.*)/u, "on 2024-überall"))
    IO.inspect(String.split("a, b,c ", [",", " "], trim: true))
    <<a::4, rest::bitstring>> = <<0xAB, 0xCD>>
    IO.inspect({a, rest, Integer.to_string(123_456_789_012_345_678_901, 36), Float.round(2.675, 2)})
    IO.inspect(Base.url_encode64(:erlang.term_to_binary(%{k: [1.5]}), padding: false))
  end

  def processes do
    children = [
      {Sample.Counter, 10},
      {Registry, keys: :unique, name: Sample.Registry},
      {Task.Supervisor, name: Sample.Tasks}
    ]

    {:ok, supervisor} = Supervisor.start_link(children, strategy: :one_for_one)
    IO.inspect(for _ <- 1..3, do: GenServer.call(Sample.Counter, :next))
    before = Process.whereis(Sample.Counter)
    reference = Process.monitor(before)
    GenServer.cast(Sample.Counter, :crash)
    receive do: ({:DOWN, ^reference, _, _, why} -> IO.inspect(why))
    Enum.find(1..500, fn _ -> Process.sleep(10) && Process.whereis(Sample.Counter) not in [nil, before] end)
    IO.inspect(GenServer.call(Sample.Counter, :next))
    {:ok, _} = Registry.register(Sample.Registry, :key, 1)
    IO.inspect(Registry.lookup(Sample.Registry, :key) == [{self(), 1}])
    squares = Task.Supervisor.async_stream(Sample.Tasks, 1..100, &(&1 * &1), max_concurrency: 7)
    IO.inspect(Enum.reduce(squares, 0, fn {:ok, n}, sum -> n + sum end))
    IO.inspect(Task.await_many(for n <- 1..20, do: Task.async(fn -> Enum.sum(1..(n * 1000)) end)))
    IO.inspect(Supervisor.count_children(supervisor))
    Process.flag(:trap_exit, true)
    Supervisor.stop(supervisor)
    {:ok, agent} = Agent.start_link(fn -> %{} end)
    for n <- 1..50, do: Agent.update(agent, &Map.put(&1, n, n * n))
    IO.inspect(Agent.get(agent, &Enum.count/1))
  end

  def files do
    File.write!("lines.txt", Enum.map(1..1000, &"line #{&1}\n"))
    IO.inspect(File.stream!("lines.txt") |> Stream.map(&String.trim/1) |> Enum.take(-2))
    IO.inspect(File.stat!("lines.txt").size)
    {out, code} = System.cmd("sh", ["-c", "wc -l < lines.txt; exit 3"])
    IO.inspect({String.trim(out), code})
    IO.inspect(EEx.eval_string("<%= for n <- list do %>[<%= n %>]<% end %>", list: [1, 2]))
    IO.inspect(Code.eval_string("a + b", a: 1, b: 2) |> elem(0))
    IO.inspect(Version.match?("1.14.0", "~> 1.10"))
  end

  def errors do
    tries = [
      fn -> raise ArgumentError, "no" end,
      fn -> Map.fetch!(%{a: 1}, :b) end,
      fn -> String.to_integer("x") end,
      fn -> hd(Process.get(:nothing, [])) end,
      fn -> Sample.Counter.handle_call(:unknown, 1, 2) end,
      fn -> apply(Sample.Nowhere, :at_all, [1]) end,
      fn -> throw({:ball, 1}) end,
      fn -> exit(:gone) end
    ]

    for try <- tries do
      try do
        try.()
      catch
        kind, reason -> IO.puts(Exception.format_banner(kind, reason, __STACKTRACE__))
      end
    end
  end
end

:logger.set_primary_config(:level, :none)
Sample.run()
