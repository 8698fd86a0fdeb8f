//! All tables: by reference, by name, by owner.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, LazyLock};

use oxbeam_heap::OwnedTerm;
use oxbeam_runtime::process::exit::on_exit;
use oxbeam_runtime::process::{Owned, PidData, Process};
use oxbeam_runtime::reference::RefNumbers;
use oxbeam_runtime::signal::send_to_pid;
use oxbeam_term::{Atom, Term, am};
use parking_lot::{Mutex, RwLock};

use crate::garbage::Garbage;
use crate::table::Table;

static TABLES: LazyLock<RwLock<HashMap<RefNumbers, Arc<Table>>>> = LazyLock::new(RwLock::default);
static NAMES: LazyLock<RwLock<HashMap<Atom, Arc<Table>>>> = LazyLock::new(RwLock::default);

/// Tables, the oldest first; they are found and forgotten fast however many there are.
type Tables = BTreeMap<[u32; 2], Arc<Table>>;

fn age(table: &Table) -> [u32; 2] {
    [table.numbers[1], table.numbers[0]]
}

/// What a process has to do with tables.
#[derive(Default)]
struct Ties {
    owned: Tables,
    fixed: Tables,
}

/// So many tables of a process that ends are looked at, and deleted, at once.
const FEW_TABLES: usize = if oxbeam_heap::ZEAL { 2 } else { 100 };

const TIE_SHARDS: usize = 32;
type TieShard = Mutex<HashMap<PidData, Ties>>;
static TIES: LazyLock<[TieShard; TIE_SHARDS]> =
    LazyLock::new(|| std::array::from_fn(|_| Mutex::default()));

fn ties(pid: PidData) -> &'static TieShard {
    &TIES[pid as usize % TIE_SHARDS]
}

/// Makes tables end with their owners. Once, at boot.
pub fn install() {
    on_exit(process_ends, has_many);
}

/// Enters a new table. `false`: its name is taken.
pub fn enter(table: &Arc<Table>) -> bool {
    if table.settings.named {
        let mut names = NAMES.write();
        let name = table.name();
        if names.contains_key(&name) {
            return false;
        }
        names.insert(name, table.clone());
    }
    TABLES.write().insert(table.numbers, table.clone());
    tie(table.owner(), table, |ties| &mut ties.owned);
    true
}

pub fn by_name(name: Atom) -> Option<Arc<Table>> {
    NAMES.read().get(&name).cloned()
}

pub fn by_numbers(numbers: RefNumbers) -> Option<Arc<Table>> {
    TABLES.read().get(&numbers).cloned()
}

/// How many tables there are.
pub fn table_count() -> usize {
    TABLES.read().len()
}

/// All tables.
pub fn all() -> Vec<Arc<Table>> {
    TABLES.read().values().cloned().collect()
}

/// Gives a named table another name. `false`: that is taken.
pub fn rename(table: &Arc<Table>, name: Atom) -> bool {
    let mut names = NAMES.write();
    if table.settings.named {
        if names.contains_key(&name) {
            return false;
        }
        names.remove(&table.name());
        names.insert(name, table.clone());
    }
    *table.name.write() = name;
    true
}

/// Removes a table and gives its objects, to be freed. `None`: another has done so.
pub fn delete(table: &Arc<Table>) -> Option<Garbage> {
    TABLES.write().remove(&table.numbers)?;
    if table.settings.named {
        NAMES.write().remove(&table.name());
    }
    untie(table.owner(), table, |ties| &mut ties.owned);
    let fixations = std::mem::take(&mut table.fixations.lock().by);
    for (pid, _) in fixations {
        forget_fixation(pid, table);
    }
    Some(table.destroy())
}

/// Makes a table another process's.
pub fn give(table: &Arc<Table>, to: PidData) {
    untie(table.owner(), table, |ties| &mut ties.owned);
    table.set_owner(to);
    tie(to, table, |ties| &mut ties.owned);
}

pub fn note_fixation(by: PidData, table: &Arc<Table>) {
    tie(by, table, |ties| &mut ties.fixed);
}

pub fn forget_fixation(by: PidData, table: &Arc<Table>) {
    untie(by, table, |ties| &mut ties.fixed);
}

fn tie(pid: PidData, table: &Arc<Table>, tables: impl Fn(&mut Ties) -> &mut Tables) {
    let mut shard = ties(pid).lock();
    tables(shard.entry(pid).or_default()).insert(age(table), table.clone());
}

fn untie(pid: PidData, table: &Table, tables: impl Fn(&mut Ties) -> &mut Tables) {
    let mut shard = ties(pid).lock();
    if let Some(ties) = shard.get_mut(&pid) {
        tables(ties).remove(&age(table));
        if ties.owned.is_empty() && ties.fixed.is_empty() {
            shard.remove(&pid);
        }
    }
}

/// Sends `{'ETS-TRANSFER', Table, From, Data}`.
pub fn send_transfer(table: &Arc<Table>, from: PidData, to: PidData, data: Term<'_>) {
    let message = OwnedTerm::build(|heap| {
        let parts = [table.identifier(heap), Term::pid(from), heap.import(data)];
        heap.tagged(am::ETS_TRANSFER, parts)
    });
    send_to_pid(to, message);
}

/// Whether a process that ends has more to do with tables than is done at once.
fn has_many(process: &Process) -> bool {
    let shard = ties(process.pid).lock();
    let has_many = |ties: &Ties| ties.owned.len() + ties.fixed.len() > FEW_TABLES;
    !shard.is_empty() && shard.get(&process.pid).is_some_and(has_many)
}

fn process_ends(process: &Arc<Process>, _: &mut Owned) {
    let pid = process.pid;
    loop {
        // Tables may still be given to the process while this runs; so until none is left.
        let mut shard = ties(pid).lock();
        // Mostly so, and known without hashing.
        if shard.is_empty() {
            return;
        }
        let Some(ties) = shard.remove(&pid) else { return };
        drop(shard);
        for table in ties.fixed.into_values() {
            if let Some(sweep) = table.release(pid, true) {
                sweep.little_at_once();
            }
        }
        for table in ties.owned.into_values() {
            if !inherit(&table, pid) {
                delete(&table);
            }
        }
    }
}

/// Gives the table of a process that ends to its heir. `false`: it has none.
fn inherit(table: &Arc<Table>, from: PidData) -> bool {
    let heir = table.heir.lock().as_ref().map(|heir| {
        let data = OwnedTerm::copy_of(heir.data.view());
        (heir.pid, data)
    });
    let Some((heir, data)) = heir else { return false };
    let alive = oxbeam_runtime::process::table::find(heir).is_some_and(|heir| !heir.is_exiting());
    if heir == from || !alive {
        return false;
    }
    // The heir stays what it is: it is told again if another process leaves the table to it.
    give(table, heir);
    send_transfer(table, from, heir, data.view());
    true
}
