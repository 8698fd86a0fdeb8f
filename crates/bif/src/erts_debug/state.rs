//! `erts_debug:get_internal_state/1` and `set_internal_state/2`: what OTP's own tests ask of the
//! runtime. Nothing is told or set before `available_internal_state` is turned on.

use oxbeam_ethread::{Atomic64, AtomicFlag};

use oxbeam_heap::OwnedTerm;
use oxbeam_heap::heap::STACK_RESERVE_WORDS;
use oxbeam_runtime::engine::TURN_REDUCTIONS;
use oxbeam_runtime::native::Native;
use oxbeam_runtime::process::table;
use oxbeam_runtime::progress;
use oxbeam_runtime::reference::new_numbers;
use oxbeam_runtime::timer::{self, Destination};
use oxbeam_runtime::{Cx, Flow, NativeResult};
use oxbeam_runtime::{dirty, longest, yielding};
use oxbeam_term::{Atom, Term, am};

use crate::arg::take;
use crate::crash_dump::system::memory;
use crate::erlang::{cpu_topology, process_info};
use crate::erts_debug::{ends, nodes};
use crate::table::BIFS;

oxbeam_ethread::shared! {
    /// Limits that OTP's tests set for the loops of binary matching, regular expressions and unicode,
    /// to see them yield. These yield by reductions here, so the limits are kept and told only.
    static LOOP_LIMITS: [Atomic64; 3] = [Atomic64::new(-1), Atomic64::new(-1), Atomic64::new(-1)];
}

/// Sets a limit (`default`: back to it); gives the one before, -1 for the default.
fn limit<'h>(cx: &Cx<'h>, limit: &Atomic64, value: Term<'h>) -> NativeResult<'h> {
    let new = match value.as_i64() {
        Some(new) => new,
        None if name_of(value) == Some("default") => -1,
        None => return Err(Flow::badarg()),
    };
    let old = limit.xchg_mb(if new > 0 { new } else { -1 });
    Ok(cx.heap.int(old))
}

oxbeam_ethread::shared! {
    static AVAILABLE: AtomicFlag = AtomicFlag::new(false);
}

/// `undef`, as long as the states are not available.
fn check_available<'h>() -> Result<(), Flow<'h>> {
    if AVAILABLE.read_acqb() { Ok(()) } else { Err(Flow::error(am::undef)) }
}

fn atom<'h>(name: &str) -> NativeResult<'h> {
    Atom::new(name).map(Term::atom).map_err(|_| Flow::system_limit())
}

fn name_of(term: Term<'_>) -> Option<&'static str> {
    term.as_atom().map(|atom| atom.name())
}

pub fn get_internal_state_1<'h>(cx: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    let [what] = take(args);
    if name_of(what) == Some("available_internal_state") {
        return Ok(Term::bool(AVAILABLE.read_acqb()));
    }
    check_available()?;
    let heap = cx.heap;
    match name_of(what) {
        Some("reds_left") => Ok(heap.int(cx.reductions)),
        Some("next_pid") => Ok(heap.uint(table::next_pid())),
        Some("nbalance") => Ok(heap.usize(oxbeam_runtime::scheduler::balance::count())),
        Some("persistent_term") => {
            let table = heap.usize(oxbeam_runtime::persistent::hashes());
            Ok(crate::arg::map_of(heap, &[(am::table, table)]))
        }
        Some("DbTable_words") => {
            let (table, shard) = oxbeam_ets::structure_words();
            Ok(heap.tuple(&[heap.usize(table), heap.usize(shard)]))
        }
        Some("process_info_args") => {
            Ok(heap.list(&process_info::all_items().map(Term::atom).collect::<Vec<_>>()))
        }
        Some("node_and_dist_references") => nodes::references(cx),
        Some("next_port") => Ok(heap.uint(oxbeam_io::port::table::next_port())),
        Some("processes") => {
            let all = table::all();
            Ok(heap.list(&all.iter().map(|process| Term::pid(process.pid)).collect::<Vec<_>>()))
        }
        // The table is looked through at once, in one piece.
        Some("processes_bif_info") => {
            let numbers = [1, 1, table::limit(), 25, 1, 25, 1, 10, 0].map(|n| heap.usize(n));
            let all = [[atom("ptab_list_bif_info")?].as_slice(), &numbers].concat();
            Ok(heap.tuple(&all))
        }
        Some("memory") => {
            let pair = |(name, bytes): (&str, usize)| -> NativeResult<'h> {
                Ok(heap.tuple(&[atom(name)?, heap.usize(bytes)]))
            };
            let pairs: Result<Vec<_>, _> = memory().into_iter().map(pair).collect();
            Ok(heap.list(&pairs?))
        }
        // Our own: the natives that have a form of several turns, and how many of these are in
        // the middle of it.
        Some("yielding_natives") => {
            let long = BIFS.iter().filter(|native| native.long.is_some());
            let name = |native: &Native| -> NativeResult<'h> {
                let arity = heap.usize(native.arity.into());
                Ok(heap.tuple(&[atom(native.module)?, atom(native.function)?, arity]))
            };
            Ok(heap.list(&long.map(name).collect::<Result<Vec<_>, _>>()?))
        }
        Some("suspended_natives") => Ok(heap.usize(yielding::suspended_count())),
        // Our own: `[{Kind, LastNative, CpuNs, Count}]`, the longest pieces of work at one go.
        Some("longest_work") => {
            let mut rows = vec![];
            for longest in longest::get() {
                let native = match longest.native {
                    Some((module, function, arity)) => {
                        let arity = heap.usize(arity.into());
                        heap.tuple(&[Term::atom(module), Term::atom(function), arity])
                    }
                    None => Term::atom(am::undefined),
                };
                let numbers = [heap.int(longest.cpu_ns), heap.uint(longest.count)];
                let kind = atom(longest.work.name())?;
                rows.push(heap.tuple(&[kind, native, numbers[0], numbers[1]]));
            }
            Ok(heap.list(&rows))
        }
        // There are no such counters: sizes are kept where the objects are.
        Some("flxctr_memory_usage") => atom("notsup"),
        Some(_) => Err(Flow::badarg()),
        None => about(cx, what),
    }
}

fn named<'h>(cx: &Cx<'h>, name: Atom, number: usize) -> Term<'h> {
    cx.heap.tuple(&[Term::atom(name), cx.heap.usize(number)])
}

/// States of something: `{process_status, Pid}`...
fn about<'h>(cx: &mut Cx<'h>, what: Term<'h>) -> NativeResult<'h> {
    let [item, of] = what.as_tuple_n().ok_or_else(Flow::badarg)?;
    match name_of(item) {
        Some("process_status") => {
            let pid = of.as_local_pid().ok_or_else(Flow::badarg)?;
            let process = table::find(pid);
            let state = process.as_ref().map(|process| &process.state);
            atom(match state {
                None => "undefined",
                Some(state) if state.is_exiting() => "exiting",
                Some(state) if state.is_running() => "running",
                Some(state) if state.is_in_run_queue() => "runnable",
                Some(_) => "waiting",
            })
        }
        Some("binary_info") if of.as_bits().is_some() => {
            let Some((size, block_size, flags)) = of.block_sizes() else {
                return atom("heap_binary");
            };
            let (heap, block) = (cx.heap, named(cx, am::binary, block_size));
            Ok(heap.tuple(&[atom("refc_binary")?, heap.usize(size), block, heap.uint(flags)]))
        }
        Some("internal_hash") => Ok(cx.heap.uint(oxbeam_term::hash::internal_hash(of, 0).into())),
        Some("reader_groups_map") => {
            let count = of.as_usize().filter(|&count| count > 0).ok_or_else(Flow::badarg)?;
            Ok(cpu_topology::groups(cx.heap, count))
        }
        Some("fake_scheduler_bindings") => {
            let bind = name_of(of).filter(|name| name.len() > 2).ok_or_else(Flow::badarg)?;
            cpu_topology::order_of(cx.heap, bind).ok_or_else(Flow::badarg)
        }
        Some("magic_ref") => about_magic_ref(cx, of),
        Some("link_list") => ends::of_process(cx, of, ends::links),
        Some("monitor_list") => ends::of_process(cx, of, ends::monitors),
        _ => Err(Flow::badarg()),
    }
}

/// `{Ref, Address}`: a new magic reference, and where what it refers to lies.
fn magic_ref<'h>(cx: &Cx<'h>) -> NativeResult<'h> {
    let reference = cx.new_magic_ref(());
    let block = reference.as_ref().and_then(|reference| reference.magic_block());
    let address = block.map_or(0, |block| block.as_ptr() as usize);
    Ok(cx.heap.tuple(&[reference, cx.heap.usize(address)]))
}

/// `{Address, References, true}` of a magic reference; `true` of a reference that is none any more.
fn about_magic_ref<'h>(cx: &Cx<'h>, of: Term<'h>) -> NativeResult<'h> {
    let reference = of.as_ref().ok_or_else(Flow::badarg)?;
    let Some((address, count)) = reference.magic_references() else {
        return Ok(Term::bool(true));
    };
    Ok(cx.heap.tuple(&[cx.heap.usize(address), cx.heap.usize(count), Term::bool(true)]))
}

pub fn set_internal_state_2<'h>(cx: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    let [what, value] = take(args);
    if name_of(what) == Some("available_internal_state") {
        let on = value.as_bool().ok_or_else(Flow::badarg)?;
        return Ok(Term::bool(AVAILABLE.xchg_mb(on)));
    }
    check_available()?;
    match name_of(what) {
        Some("reds_left") => {
            let left = value.as_i64().ok_or_else(Flow::badarg)?;
            // More than a turn has would hold the scheduler, and what is spent must be countable.
            cx.reductions = left.clamp(0, TURN_REDUCTIONS);
            Ok(Term::bool(true))
        }
        Some("next_pid") => {
            let pid = value.as_u64().ok_or_else(Flow::badarg)?;
            Ok(cx.heap.uint(table::set_next_pid(pid)))
        }
        Some("next_port") => {
            let port = value.as_u64().ok_or_else(Flow::badarg)?;
            Ok(cx.heap.uint(oxbeam_io::port::table::set_next_port(port)))
        }
        Some("node_tab_delayed_delete") => nodes::set_delay(value),
        Some("make") if name_of(value) == Some("magic_ref") => magic_ref(cx),
        // Senders have no buffers of their own that could be turned on: all append to one queue.
        Some("proc_sig_buffers") => match value.as_bool().ok_or_else(Flow::badarg)? {
            true => Ok(Term::bool(cx.own.flags.message_queue_off_heap)),
            false => atom("notsup"),
        },
        // Our own: what natives of several turns get in one, 0 for all there are.
        Some("native_reductions") => {
            let most = value.as_usize().ok_or_else(Flow::badarg)? as i64;
            yielding::limit_reductions(if most == 0 { i64::MAX } else { most });
            Ok(Term::bool(true))
        }
        Some("longest_work") => {
            longest::set(value.as_bool().ok_or_else(Flow::badarg)?);
            Ok(Term::bool(true))
        }
        // Memory is given back where it is dropped, by whoever drops it, much of it by errands.
        Some("wait") => match name_of(value) {
            Some("deallocations") if dirty::errands() > 0 => Err(Flow::Retry),
            Some("thread_progress") => {
                progress::suspend(cx, || {});
                Ok(Term::atom(am::ok))
            }
            Some("deallocations" | "timer_cancellations" | "aux_work") => Ok(Term::atom(am::ok)),
            _ => Err(Flow::badarg()),
        },
        Some("gc_state") => {
            let on = value.as_bool().ok_or_else(Flow::badarg)?;
            let was_on = cx.own.gc_disabled == 0;
            match (on, was_on) {
                (false, true) => cx.own.gc_disabled += 1,
                (true, false) => cx.own.gc_disabled -= 1,
                _ => {}
            }
            Ok(Term::bool(was_on))
        }
        // A heap that no one may walk: a tuple that is larger than its words. Collections are off
        // until it is mended.
        Some("inconsistent_heap") if value.is(am::start) => {
            cx.own.gc_disabled += 1;
            Ok(cx.heap.broken_tuple())
        }
        Some("inconsistent_heap") => {
            if cx.own.gc_disabled == 0 || !cx.heap.mend_broken_tuple(value) {
                return Err(Flow::badarg());
            }
            cx.own.gc_disabled -= 1;
            Ok(Term::atom(am::ok))
        }
        Some("binary_loop_limit") => limit(cx, &LOOP_LIMITS[0], value),
        Some("re_loop_limit") => limit(cx, &LOOP_LIMITS[1], value),
        Some("unicode_loop_limit") => limit(cx, &LOOP_LIMITS[2], value),
        // Holds the scheduler, so that the test can do something meanwhile.
        Some("sleep") => {
            let time_ms = value.as_u64().ok_or_else(Flow::badarg)?;
            std::thread::sleep(std::time::Duration::from_millis(time_ms));
            Ok(Term::bool(true))
        }
        Some("fill_heap") => {
            let room_words = cx.heap.free_words().saturating_sub(STACK_RESERVE_WORDS + 1);
            if room_words > 1 {
                cx.heap.tuple(&vec![Term::nil(); room_words]);
            }
            Ok(Term::bool(true))
        }
        // A copy of the term in a heap fragment.
        Some("mbuf") => Ok(OwnedTerm::copy_of(value).attach_to(cx.heap)),
        // Receive markers are numbers of messages, which come from no such counter.
        Some("process_uniq_counter") if value.is_integer() => Ok(Term::atom(am::ok)),
        // How timers are kept is not seen: one after that time is all there is to it.
        Some("multizero_timeout_in_timeout") => {
            let after_ms = value.as_usize().ok_or_else(Flow::badarg)? as u64;
            let done = Atom::new("multizero_timeout_in_timeout_done");
            let done = done.map_err(|_| Flow::system_limit())?;
            let message = OwnedTerm::immediate(Term::atom(done).raw());
            let (to, reference) = (Destination::Pid(cx.process.pid), new_numbers());
            timer::send_at(timer::after_ms(after_ms), reference, to, message);
            Ok(Term::atom(am::ok))
        }
        Some("ets_force_trap") => atom("notsup"),
        // An ordered table has no parts that could be split.
        Some("ets_force_split" | "ets_debug_random_split_join") => Ok(Term::atom(am::ok)),
        _ => Err(Flow::badarg()),
    }
}
