//! The order of the runtime's locks: while one is held, only those further down may be waited for.

oxbeam_ethread::lock_order! {
    /// Which processes keep schedulers from running.
    Blockers = 100;
    /// Which timer a reference names.
    TimerReferences = 110;
    /// The timers of a scheduler.
    Timers = 120;
    /// The in-queue of a process.
    InQueue = 200;
    /// The run queue of a scheduler.
    RunQueue = 300;
    /// What a scheduler thread is to do between two processes.
    Errands = 310;
    /// Who is told of what other processes do.
    Setting = 400;
}
