//! Making, naming, giving and ending tables.

use std::sync::Arc;

use oxbeam_heap::OwnedTerm;
use oxbeam_runtime::process;
use oxbeam_runtime::reference::new_numbers;
use oxbeam_runtime::slices::QUICK;
use oxbeam_runtime::{Cx, Flow, NativeResult, system};
use oxbeam_term::{Atom, Term, am};

use super::{Access, accessible, long, quick_copy, table, take};
use crate::error::because;
use crate::registry;
use crate::table::{Heir, Kind, Protection, Settings, Table, WriteConcurrency};

/// Options of `new`, as they are read.
struct Options {
    settings: Settings,
    heir: Option<Heir>,
    /// What `{decentralized_counters, _}` said.
    decentralized: Option<bool>,
}

/// Locks that a program may ask for, and that a table has at least then.
const MOST_LOCKS: u32 = 32768;
const LEAST_LOCKS: u32 = 64;

impl Options {
    fn new() -> Options {
        let settings = Settings {
            kind: Kind::Set,
            key_position: 1,
            protection: Protection::Protected,
            named: false,
            read_concurrency: false,
            write_concurrency: WriteConcurrency::Off,
            decentralized_counters: false,
            compressed: false,
        };
        Options { settings, heir: None, decentralized: None }
    }

    /// Takes an option in. `None`: it is none.
    fn read(&mut self, option: Term<'_>) -> Option<()> {
        let settings = &mut self.settings;
        if let Some(atom) = option.as_atom() {
            match atom {
                am::set | am::protected => {}
                am::ordered_set => {
                    settings.kind = Kind::OrderedSet;
                    settings.decentralized_counters = true;
                }
                am::bag => settings.kind = Kind::Bag,
                am::duplicate_bag => settings.kind = Kind::DuplicateBag,
                am::public => settings.protection = Protection::Public,
                am::private => settings.protection = Protection::Private,
                am::named_table => settings.named = true,
                am::compressed => settings.compressed = true,
                _ => return None,
            }
            return Some(());
        }
        if let Some([name, pid, data]) = option.as_tuple_n() {
            self.heir = heir(name, pid, data)?;
            return Some(());
        }
        let [name, value] = option.as_tuple_n()?;
        match name.as_atom()? {
            am::keypos => settings.key_position = value.as_usize().filter(|&at| at > 0)?,
            am::read_concurrency => settings.read_concurrency = value.as_bool()?,
            am::decentralized_counters => self.decentralized = Some(value.as_bool()?),
            am::heir if value.is(am::none) => self.heir = None,
            am::write_concurrency => self.write_concurrency(value)?,
            _ => return None,
        }
        Some(())
    }

    fn write_concurrency(&mut self, value: Term<'_>) -> Option<()> {
        let settings = &mut self.settings;
        if let Some([tag, locks]) = value.as_tuple_n() {
            let locks = u32::try_from(locks.as_usize()?).ok()?;
            let fits =
                tag.is(am::debug_hash_fixed_number_of_locks) && (1..=MOST_LOCKS).contains(&locks);
            settings.decentralized_counters = true;
            let locks = (1 << locks.checked_ilog2()?).max(LEAST_LOCKS);
            settings.write_concurrency = WriteConcurrency::FixedLocks(locks);
            return fits.then_some(());
        }
        settings.write_concurrency = match value.as_atom()? {
            am::auto => {
                settings.decentralized_counters = true;
                WriteConcurrency::Auto
            }
            am::true_ => {
                if settings.kind != Kind::OrderedSet {
                    settings.decentralized_counters = false;
                }
                WriteConcurrency::On
            }
            am::false_ => WriteConcurrency::Off,
            _ => return None,
        };
        Some(())
    }

    /// What the options mean together; `None`: they do not fit.
    fn settle(mut self) -> Option<(Settings, Option<Heir>)> {
        let settings = &mut self.settings;
        let has_locks = matches!(settings.write_concurrency, WriteConcurrency::FixedLocks(_));
        if has_locks && settings.kind == Kind::OrderedSet {
            return None;
        }
        if settings.protection == Protection::Private {
            settings.read_concurrency = false;
        }
        // One scheduler has nobody to share a table with.
        if settings.protection == Protection::Private || system::get().schedulers == 1 {
            settings.write_concurrency = WriteConcurrency::Off;
        }
        settings.decentralized_counters =
            self.decentralized.unwrap_or(settings.decentralized_counters)
                && settings.write_concurrency != WriteConcurrency::Off;
        Some((self.settings, self.heir))
    }
}

/// `{heir, Pid, Data}`; a process that has ended is no heir.
fn heir(name: Term<'_>, pid: Term<'_>, data: Term<'_>) -> Option<Option<Heir>> {
    let pid = pid.as_local_pid().filter(|_| name.is(am::heir))?;
    let alive = process::table::find(pid).is_some_and(|heir| !heir.is_exiting());
    Some(alive.then(|| Heir { pid, data: OwnedTerm::deep_copy_of(data) }))
}

pub fn new_2<'h>(cx: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    let [name, options] = take(args);
    quick_copy(options, new_2)?;
    let name = name.as_atom().ok_or_else(Flow::badarg)?;
    let mut read = Options::new();
    for option in options.list_to_vec().ok_or_else(Flow::badarg)? {
        read.read(option).ok_or_else(Flow::badarg)?;
    }
    let (settings, heir) = read.settle().ok_or_else(Flow::badarg)?;
    let table = Table::new(new_numbers(), name, cx.process.pid, heir, settings);
    let table = Arc::new(table);
    if !registry::enter(&table) {
        return Err(because(am::already_exists));
    }
    Ok(table.identifier(cx.heap))
}

pub fn delete_1<'h>(cx: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    let [tab] = take(args);
    // Whatever is pending in the table is over with it.
    let table = accessible(cx, tab, Access::Write)?;
    if long::is_large(&table) {
        return Err(Flow::Long(long::delete_1_long));
    }
    registry::delete(&table).map(|_| Term::atom(am::true_)).ok_or_else(|| because(am::id))
}

pub fn rename_2<'h>(cx: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    let [tab, name] = take(args);
    let new: Option<Atom> = name.as_atom();
    let table = table(cx, tab, Access::Write)?;
    if !registry::rename(&table, new.ok_or_else(Flow::badarg)?) {
        return Err(Flow::badarg());
    }
    Ok(table.identifier(cx.heap))
}

pub fn whereis_1<'h>(cx: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    let [name] = take(args);
    let name = name.as_atom().ok_or_else(Flow::badarg)?;
    let table = registry::by_name(name);
    Ok(table.map_or(Term::atom(am::undefined), |table| table.reference(cx.heap)))
}

pub fn give_away_3<'h>(cx: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    let [tab, pid, gift] = take(args);
    quick_copy(gift, give_away_3)?;
    let table = table(cx, tab, Access::Write)?;
    let (from, to) = (cx.process.pid, pid.as_local_pid().ok_or_else(Flow::badarg)?);
    let receiver = process::table::find(to);
    receiver.filter(|process| !process.is_exiting()).ok_or_else(Flow::badarg)?;
    if table.owner() != from {
        return Err(because(am::not_owner));
    }
    if to == from {
        return Err(because(am::owner));
    }
    registry::give(&table, to);
    registry::send_transfer(&table, from, to, gift);
    Ok(Term::atom(am::true_))
}

/// What `setopts` changes.
enum Change {
    Heir(Option<Heir>),
    Protection(Protection),
}

fn change(option: Term<'_>) -> Option<Change> {
    if let Some([name, pid, data]) = option.as_tuple_n() {
        return Some(Change::Heir(heir(name, pid, data)?));
    }
    let [name, value] = option.as_tuple_n()?;
    match (name.as_atom()?, value.as_atom()?) {
        (am::heir, am::none) => Some(Change::Heir(None)),
        (am::protection, am::private) => Some(Change::Protection(Protection::Private)),
        (am::protection, am::protected) => Some(Change::Protection(Protection::Protected)),
        (am::protection, am::public) => Some(Change::Protection(Protection::Public)),
        _ => None,
    }
}

pub fn setopts_2<'h>(cx: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    let [tab, options] = take(args);
    quick_copy(options, setopts_2)?;
    let table = table(cx, tab, Access::Write)?;
    let options = match options.as_tuple() {
        Some(_) => vec![options],
        None => options.list_to_vec().ok_or_else(Flow::badarg)?,
    };
    let changes: Option<Vec<_>> = options.into_iter().map(change).collect();
    let changes = changes.ok_or_else(Flow::badarg)?;
    if table.owner() != cx.process.pid {
        return Err(because(am::not_owner));
    }
    for change in changes {
        match change {
            Change::Heir(heir) => *table.heir.lock() = heir,
            Change::Protection(protection) => table.set_protection(protection),
        }
    }
    Ok(Term::atom(am::true_))
}

pub fn safe_fixtable_2<'h>(cx: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    let [tab, fix] = take(args);
    let table = table(cx, tab, Access::Read)?;
    match fix.as_bool().ok_or_else(Flow::badarg)? {
        true => table.fix(cx.process.pid),
        false if table.marks() > QUICK => return Err(Flow::Long(long::safe_fixtable_long)),
        false => {
            if let Some(sweep) = table.release(cx.process.pid, false) {
                sweep.little_at_once();
            }
        }
    }
    Ok(Term::atom(am::true_))
}
