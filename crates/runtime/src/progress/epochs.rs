//! The words that thread progress goes by, and what each operation on them orders; the rules are
//! those of the module above.
//!
//! What is paired with what:
//! 1. A thread that announces does so with a full barrier ([`Epochs::announce`]): what it used
//!    before is done, and it looks nothing up by then. Whoever moves the epoch on acquires what is announced
//!    and held ([`Epochs::can_advance`]), so all that it runs comes after.
//! 2. A thread that goes on, and one that takes a guard, writes that and then looks whether the epoch is
//!    still the one it wrote. Whoever moves the epoch on from E + 1 has announced E + 1, after that was
//!    written, before it reads what is announced and held. Both have a full barrier between the two,
//!    so one of them sees the other: the epoch stays, or the new one is announced.
//! 3. The same pairing keeps a wake-up from being lost: who ends a guard, or waits, writes that and
//!    then reads whether anything is registered, and what the others announce; who registers waits
//!    itself, or wakes a scheduler.
//! 4. The epoch is written, with a release, behind the registrations of the one before, and whoever reads it
//!    acquires that: it sees what was changed before these.
//! 5. All else needs no barrier: the epoch moves on, and actions come and go, under a lock.
//!
//! `scripts/weaken` takes each barrier away in turn, and looks whether a model finds that.

use oxbeam_ethread::{AtomicU64, AtomicUword};

/// Most managed threads there can be.
const MAX_MANAGED: usize = if cfg!(oxbeam_model) { 2 } else { 128 };
/// What a thread announces that holds nothing. Epochs begin above it.
const WAITING: u64 = 0;
const FIRST_EPOCH: u64 = 2;

/// What a thread announces, on a cache line of its own.
#[repr(align(64))]
struct Announced(AtomicU64);

pub(super) struct Epochs {
    epoch: AtomicU64,
    announced: [Announced; MAX_MANAGED],
    managed: AtomicUword,
    /// Guards of unmanaged threads, by the parity of the epoch they were taken under.
    delays: [AtomicUword; 2],
    /// Registered and not run yet.
    pending: AtomicUword,
}

impl Epochs {
    #[cfg(not(oxbeam_model))]
    pub const fn new() -> Epochs {
        Epochs {
            epoch: AtomicU64::new(FIRST_EPOCH),
            announced: [const { Announced(AtomicU64::new(WAITING)) }; MAX_MANAGED],
            managed: AtomicUword::new(0),
            delays: [const { AtomicUword::new(0) }; 2],
            pending: AtomicUword::new(0),
        }
    }
    #[cfg(oxbeam_model)]
    pub fn new() -> Epochs {
        Epochs {
            epoch: AtomicU64::new(FIRST_EPOCH),
            announced: std::array::from_fn(|_| Announced(AtomicU64::new(WAITING))),
            managed: AtomicUword::new(0),
            delays: std::array::from_fn(|_| AtomicUword::new(0)),
            pending: AtomicUword::new(0),
        }
    }

    /// A place for one more managed thread, which waits at first.
    pub fn join(&self) -> usize {
        // It waits: its first announcement orders this too.
        let index = self.managed.inc_read() - 1;
        assert!(index < MAX_MANAGED, "room for all managed threads");
        index
    }

    pub fn managed(&self) -> usize {
        self.managed.read()
    }

    /// The epoch that the caller sees, with what was changed before it (rule 4).
    #[inline]
    pub fn now(&self) -> u64 {
        self.epoch.read_acqb()
    }

    /// A quiescent point: announces the present epoch if that has changed.
    #[inline]
    pub fn pass(&self, index: usize) {
        let epoch = self.now();
        // Nobody else writes it.
        if self.announced[index].0.read() != epoch {
            self.announce(index, epoch);
        }
    }

    /// The thread holds nothing, and waits; see rules 1 and 3.
    pub fn wait(&self, index: usize) {
        self.announce(index, WAITING);
    }

    /// The thread waited and goes on, under the present epoch (rule 2).
    pub fn go_on(&self, index: usize) {
        let mut epoch = self.now();
        loop {
            self.announce(index, epoch);
            let now = self.now();
            if now == epoch {
                return;
            }
            epoch = now;
        }
    }

    fn announce(&self, index: usize, epoch: u64) {
        self.announced[index].0.set_mb(epoch);
    }

    /// Rule 4 of the module above. Whoever moves the epoch on holds its lock, and has announced the
    /// present one; others only want to know.
    pub fn can_advance(&self) -> bool {
        let epoch = self.now();
        let managed = &self.announced[..self.managed().min(MAX_MANAGED)];
        let passed = |thread: &Announced| {
            let announced = thread.0.read_acqb();
            announced == WAITING || announced == epoch
        };
        let held = self.delays[(epoch as usize + 1) & 1].read_acqb();
        held == 0 && managed.iter().all(passed)
    }

    /// Moves the epoch on; under the lock. See rule 4.
    pub fn advance(&self) {
        self.epoch.set_relb(self.epoch.read() + 1);
    }

    /// One more is registered, whose change was made before.
    pub fn register(&self) {
        self.pending.inc();
    }

    /// One of them has been run.
    pub fn ran(&self) {
        self.pending.dec();
    }

    /// How many are registered: a hint, but behind a barrier of the caller's.
    pub fn pending(&self) -> usize {
        self.pending.read()
    }

    #[inline]
    pub fn any_pending(&self) -> bool {
        self.pending() != 0
    }

    /// Counts a delay under the current epoch; gives its parity.
    pub fn delay(&self) -> usize {
        loop {
            let epoch = self.now();
            let parity = epoch as usize & 1;
            self.delays[parity].inc_mb();
            // Counted before the epoch moved on, so that who moves it on next looks at the count.
            if self.now() == epoch {
                return parity;
            }
            self.end_delay(parity);
        }
    }

    /// Ends it: what was looked up is not used any more.
    pub fn end_delay(&self, parity: usize) {
        self.delays[parity].dec_mb();
    }
}

#[cfg(all(test, oxbeam_model))]
mod model {
    use super::*;
    use loom::cell::UnsafeCell;
    use loom::sync::Arc;
    use loom::thread;

    /// What a registration and its run need of the module above, for the one thread that moves the epoch.
    fn progress(epochs: &Epochs, index: usize, tries: usize) -> bool {
        epochs.register();
        let registered = epochs.now();
        for _ in 0..tries {
            epochs.pass(index);
            if epochs.can_advance() {
                epochs.advance();
            }
            if epochs.now() >= registered + 2 {
                epochs.ran();
                return true;
            }
        }
        false
    }

    /// Something that is looked up without a lock, and given back after thread progress.
    struct Shared {
        epochs: Epochs,
        /// 1: the object can be looked up.
        place: AtomicUword,
        object: UnsafeCell<u64>,
    }

    impl Shared {
        fn look(&self) {
            if self.place.read() == 1 {
                // SAFETY: read under progress; the model finds a write at the same time.
                assert_eq!(self.object.with(|object| unsafe { *object }), 1);
            }
        }
        fn take_out(&self, index: usize) {
            self.place.set(0);
            if progress(&self.epochs, index, 4) {
                // SAFETY: nobody can be reading it.
                self.object.with_mut(|object| unsafe { *object = 2 });
            }
        }
    }

    fn shared() -> Arc<Shared> {
        let (epochs, place) = (Epochs::new(), AtomicUword::new(1));
        Arc::new(Shared { epochs, place, object: UnsafeCell::new(1) })
    }

    fn bounded(test: impl Fn() + Sync + Send + 'static) {
        let mut model = loom::model::Builder::new();
        model.preemption_bound = Some(3);
        model.check(test);
    }

    /// One thread reads while another, managed, takes the object out and gives it back.
    fn read_while_it_goes(read: impl Fn(&Shared) + Copy + Sync + Send + 'static) {
        bounded(move || {
            let shared = shared();
            let other = shared.clone();
            let me = shared.epochs.join();
            shared.epochs.go_on(me);
            let reader = thread::spawn(move || read(&other));
            shared.take_out(me);
            reader.join().unwrap();
        });
    }

    #[test]
    fn what_a_managed_thread_uses_is_not_given_back() {
        read_while_it_goes(|shared| {
            let index = shared.epochs.join();
            shared.epochs.go_on(index);
            shared.look();
            shared.epochs.pass(index);
            shared.look();
            shared.epochs.wait(index);
        });
    }

    #[test]
    fn what_a_guard_holds_is_not_given_back() {
        read_while_it_goes(|shared| {
            let guard = shared.epochs.delay();
            shared.look();
            shared.epochs.end_delay(guard);
        });
    }

    /// One goes on after it has waited, and looks at once.
    #[test]
    fn what_one_who_goes_on_uses_is_not_given_back() {
        bounded(|| {
            let shared = shared();
            let other = shared.clone();
            let (me, waiting) = (shared.epochs.join(), shared.epochs.join());
            shared.epochs.go_on(me);
            let reader = thread::spawn(move || {
                other.epochs.go_on(waiting);
                other.look();
                other.epochs.wait(waiting);
            });
            shared.take_out(me);
            reader.join().unwrap();
        });
    }

    /// What a thread does that is about to sleep. `false`: it moves the epoch on instead.
    fn falls_asleep(epochs: &Epochs, index: usize) -> bool {
        epochs.wait(index);
        !epochs.any_pending() || !epochs.can_advance()
    }

    /// Two go to sleep at once; one of them has registered something before.
    #[test]
    fn of_two_that_go_to_sleep_one_moves_the_epoch_on() {
        bounded(|| {
            let epochs = Arc::new(Epochs::new());
            let other = epochs.clone();
            let (me, second) = (epochs.join(), epochs.join());
            epochs.go_on(second);
            epochs.advance();
            epochs.go_on(me);
            let sleeper = thread::spawn(move || falls_asleep(&other, second));
            epochs.register();
            let asleep = falls_asleep(&epochs, me);
            assert!(!(sleeper.join().unwrap() && asleep), "nobody would look after it");
        });
    }

    /// One goes to sleep because of a guard, which ends meanwhile.
    #[test]
    fn the_end_of_a_guard_wakes_who_sleeps_because_of_it() {
        bounded(|| {
            let epochs = Arc::new(Epochs::new());
            let other = epochs.clone();
            let me = epochs.join();
            let guard = epochs.delay();
            epochs.advance();
            epochs.go_on(me);
            let holder = thread::spawn(move || {
                other.end_delay(guard);
                other.any_pending()
            });
            epochs.register();
            let asleep = falls_asleep(&epochs, me);
            let woken = holder.join().unwrap();
            assert!(!asleep || woken, "nobody would look after it");
        });
    }

    /// The commit of a code index: who reads the new index reads what was staged under it, with no
    /// barrier.
    #[test]
    fn a_commit_is_seen_with_what_was_staged() {
        bounded(|| {
            let shared = Arc::new((
                Epochs::new(),
                AtomicUword::new(0),
                [UnsafeCell::new(10), UnsafeCell::new(0)],
            ));
            let other = shared.clone();
            let me = shared.0.join();
            shared.0.go_on(me);
            let reader = thread::spawn(move || {
                let (epochs, active, code) = &*other;
                let index = epochs.join();
                epochs.go_on(index);
                for _ in 0..2 {
                    let ix = active.read();
                    // SAFETY: what is active is not written; the model finds a write before it.
                    assert_eq!(code[ix].with(|code| unsafe { *code }), [10, 11][ix]);
                    epochs.pass(index);
                }
                epochs.wait(index);
            });
            let (epochs, active, code) = &*shared;
            // SAFETY: nobody reads it before the commit.
            code[1].with_mut(|code| unsafe { *code = 11 });
            if progress(epochs, me, 4) {
                active.set(1);
            }
            reader.join().unwrap();
        });
    }

    /// A purge of a fun that is given up: a caller that finds no address finds the mark.
    #[test]
    fn who_finds_no_code_of_a_fun_finds_that_it_is_being_purged() {
        bounded(|| {
            let shared = Arc::new((Epochs::new(), AtomicUword::new(10), AtomicUword::new(0)));
            let other = shared.clone();
            let me = shared.0.join();
            shared.0.go_on(me);
            let caller = thread::spawn(move || {
                let (epochs, address, mark) = &*other;
                let index = epochs.join();
                epochs.go_on(index);
                for _ in 0..2 {
                    if address.read_acqb() == 0 {
                        assert_eq!(mark.read(), 10);
                    }
                    epochs.pass(index);
                }
                epochs.wait(index);
            });
            let (epochs, address, mark) = &*shared;
            mark.set(10);
            address.set_relb(0);
            address.set_relb(10);
            if progress(epochs, me, 4) {
                mark.set(0);
            }
            caller.join().unwrap();
        });
    }
}
