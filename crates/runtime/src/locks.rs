//! The order of the runtime's locks: while one is held, only those further down may be waited for.

oxbeam_ethread::lock_order! {
    /// What a dirty scheduler left of a process behind. Who has it handles the process's signals,
    /// and may end it, which deletes tables: it comes before the tables' locks.
    Away = 10;
    /// Who watches the time offset.
    OffsetWatchers = 90;
    /// Which processes keep schedulers from running.
    Blockers = 100;
    /// Which processors there are.
    Topologies = 105;
    /// Which timer a reference names.
    TimerReferences = 110;
    /// Which timers are to send to a process.
    TimersOfProcess = 115;
    /// The timers of a scheduler.
    Timers = 120;
    /// Registered names.
    Names = 150;
    /// The table of persistent terms.
    PersistentTerms = 160;
    /// The run queue of a scheduler.
    RunQueue = 300;
    /// What a scheduler thread is to do between two processes.
    Errands = 310;
    /// What a pool of dirty schedulers is to do.
    DirtyJobs = 320;
    /// What its threads have done.
    DirtyWork = 330;
    /// Who gets reports.
    Logger = 390;
    /// Who traces whom.
    Tracers = 395;
    /// The times of the calls of a function.
    CallTimes = 396;
    /// Who is told of what other processes do.
    Setting = 400;
    /// Which walks over all processes there are.
    Walks = 410;
}
