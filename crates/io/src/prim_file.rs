//! The natives of `prim_file`: files and directories for `file`.
//!
//! A file is a magic reference to an [`OpenFile`]. Operations on one file
//! exclude each other; on a closed one they answer `{error, einval}`. A file
//! is closed by its owner's end (the process that opened it), or when the last
//! reference is gone.

use crate::file::{self, Access, Advice, Answer, File, FileInfo, FileKind, From, Modes};
use crate::resource::{atom, error, get, make, ok, ok_or_error};
use oxbeam_heap::Heap;
use oxbeam_runtime::native::{RunOn, StaticNif};
use oxbeam_runtime::process::{self as runtime_process, PidData};
use oxbeam_runtime::{Cx, Flow, NativeFn, NativeResult, Process};
use oxbeam_sys::Errno;
use oxbeam_term::{Term, am};
use parking_lot::Mutex;
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::ffi::CString;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Weak};

/// What a file reference holds.
#[derive(Debug)]
pub struct OpenFile {
    held: Arc<Held>,
    owner: PidData,
}

#[derive(Debug)]
struct Held {
    /// None once it is closed.
    file: Mutex<Option<File>>,
    /// The owner has ended while the file was in use: its user closes it.
    orphaned: AtomicBool,
}

type Owned = Vec<Weak<Held>>;

/// The open files of each process that has any.
/// Processes in `OWNED`. A process sees at least its own files.
static OWNERS: AtomicUsize = AtomicUsize::new(0);
static OWNED: Mutex<BTreeMap<PidData, Owned>> = Mutex::new(BTreeMap::new());

impl OpenFile {
    fn new(file: File, owner: PidData) -> OpenFile {
        let held = Held { file: Mutex::new(Some(file)), orphaned: AtomicBool::new(false) };
        let held = Arc::new(held);
        let mut owned = OWNED.lock();
        owned.entry(owner).or_default().push(Arc::downgrade(&held));
        OWNERS.store(owned.len(), Ordering::Release);
        drop(owned);
        OpenFile { held, owner }
    }
}

impl Drop for OpenFile {
    fn drop(&mut self) {
        let mut owned = OWNED.lock();
        if let Some(files) = owned.get_mut(&self.owner) {
            let own = Arc::as_ptr(&self.held);
            files.retain(|file| !std::ptr::eq(file.as_ptr(), own));
            if files.is_empty() {
                remove_owner(&mut owned, self.owner);
            }
        }
    }
}

fn remove_owner(owned: &mut BTreeMap<PidData, Owned>, owner: PidData) -> Option<Owned> {
    let files = owned.remove(&owner);
    OWNERS.store(owned.len(), Ordering::Release);
    files
}

/// Closes the files of a process that ends; see [`install`].
fn owner_ends(process: &Arc<Process>, _: &mut runtime_process::Owned) {
    if OWNERS.load(Ordering::Acquire) == 0 {
        return;
    }
    let files = remove_owner(&mut OWNED.lock(), process.pid);
    for file in files.into_iter().flatten().filter_map(|file| file.upgrade()) {
        file.orphaned.store(true, Ordering::SeqCst);
        // Whoever uses it may be waiting for the system: do not wait for that.
        if let Some(mut open) = file.file.try_lock() {
            drop(open.take());
        }
    }
}

/// Sees to it that the end of a process closes its files. Once, at boot.
pub fn install() {
    runtime_process::exit::on_exit(owner_ends, |_| false);
}

const EINVAL: Errno = Errno(libc::EINVAL);

/// Times before 1902 are shown as this one, as stock does.
const EARLIEST_S: i64 = -2_145_916_800;

const fn io(name: &'static str, arity: u8, call: NativeFn) -> (&'static str, u8, NativeFn, RunOn) {
    (name, arity, call, RunOn::DirtyIo)
}

/// The module's natives.
pub static NIF: StaticNif = StaticNif {
    module: "prim_file",
    functions: &[
        io("open_nif", 2, open),
        io("close_nif", 1, close),
        io("read_nif", 2, read),
        io("write_nif", 2, write),
        io("pread_nif", 3, pread),
        io("pwrite_nif", 3, pwrite),
        io("seek_nif", 3, seek),
        io("sync_nif", 2, sync),
        io("truncate_nif", 1, truncate),
        io("allocate_nif", 3, allocate),
        io("advise_nif", 4, advise),
        io("ipread_s32bu_p32bu_nif", 3, read_by_pointer),
        io("read_file_nif", 1, read_file),
        ("get_handle_nif", 1, get_handle, RunOn::Normal),
        io("delayed_close_nif", 1, delayed_close),
        io("read_handle_info_nif", 1, read_handle_info),
        io("file_desc_to_ref_nif", 1, from_descriptor),
        io("read_info_nif", 2, read_info),
        io("set_permissions_nif", 2, set_permissions),
        io("set_owner_nif", 3, set_owner),
        io("set_time_nif", 4, set_time),
        io("read_link_nif", 1, read_link),
        io("list_dir_nif", 1, list_dir),
        io("make_hard_link_nif", 2, make_hard_link),
        io("make_soft_link_nif", 2, make_soft_link),
        io("rename_nif", 2, rename),
        io("make_dir_nif", 1, make_dir),
        io("del_file_nif", 1, del_file),
        io("del_dir_nif", 1, del_dir),
        io("get_device_cwd_nif", 1, get_device_cwd),
        io("set_cwd_nif", 1, set_cwd),
        io("get_cwd_nif", 0, get_cwd),
        io("altname_nif", 1, altname),
    ],
};

/// A number that has to be one, or else `badarg`; one that does not fit or is
/// negative is the caller's `einval`.
fn natural(term: Term<'_>) -> Result<Answer<i64>, Flow<'_>> {
    if !term.is_integer() && term.as_float().is_none() {
        return Err(Flow::badarg());
    }
    Ok(term.as_i64().filter(|value| *value >= 0).ok_or(EINVAL))
}

fn int(term: Term<'_>) -> Result<i32, Flow<'_>> {
    term.as_i64().and_then(|value| i32::try_from(value).ok()).ok_or_else(Flow::badarg)
}

fn path(term: Term<'_>) -> Answer<CString> {
    file::c_path(term.as_bytes().ok_or(EINVAL)?)
}

/// Runs an operation on the open file of a reference.
fn with_file<'h>(
    cx: &Cx<'h>,
    reference: Term<'h>,
    operation: impl FnOnce(&File) -> Answer<Term<'h>>,
) -> NativeResult<'h> {
    let held = &get::<OpenFile>(reference)?.held;
    let answer = held.file.lock().as_ref().ok_or(EINVAL).and_then(operation);
    if held.orphaned.load(Ordering::SeqCst) {
        drop(held.file.lock().take());
    }
    Ok(answer.unwrap_or_else(|reason| error(cx.heap, reason)))
}

/// Runs an operation that answers nothing but success.
fn with_file_ok<'h>(
    cx: &Cx<'h>,
    reference: Term<'h>,
    operation: impl FnOnce(&File) -> Answer<()>,
) -> NativeResult<'h> {
    with_file(cx, reference, |file| operation(file).map(|()| Term::atom(am::ok)))
}

fn reference<'h>(cx: &Cx<'h>, file: Answer<File>) -> NativeResult<'h> {
    match file {
        Ok(file) => ok(cx.heap, make(cx.heap, OpenFile::new(file, cx.process.pid))),
        Err(reason) => Ok(error(cx.heap, reason)),
    }
}

fn modes(list: Term<'_>) -> Modes {
    let mut modes = Modes::default();
    for mode in list.list().filter_map(Term::as_atom) {
        match mode.name() {
            "read" => modes.read = true,
            "write" => modes.write = true,
            "exclusive" => modes.exclusive = true,
            "append" => modes.append = true,
            "sync" => modes.sync = true,
            "skip_type_check" => modes.skip_type_check = true,
            "directory" => modes.directory = true,
            // `raw`, `delayed_write` and the like are for the layers above.
            _ => {}
        }
    }
    modes.completed()
}

fn open<'h>(cx: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    if !args[1].is_list() {
        return Err(Flow::badarg());
    }
    let modes = modes(args[1]);
    reference(cx, path(args[0]).and_then(|path| File::open(&path, modes)))
}

fn from_descriptor<'h>(cx: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    let fd = int(args[0])?;
    reference(cx, File::from_descriptor(fd))
}

fn close<'h>(cx: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    let file = get::<OpenFile>(args[0])?.held.file.lock().take();
    ok_or_error(cx.heap, file.ok_or(EINVAL).and_then(File::close))
}

/// Called by the process that closes the files of dead owners.
fn delayed_close<'h>(_: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    drop(get::<OpenFile>(args[0])?.held.file.lock().take());
    Ok(Term::atom(am::ok))
}

/// `{ok, Bytes}`, or `eof` for none.
fn bytes_or_eof<'h>(heap: &'h Heap, block: file::Block) -> Term<'h> {
    match block.bytes().is_empty() {
        true => Term::atom(am::eof),
        false => heap.tagged(am::ok, [block.into_term(heap)]),
    }
}

fn read<'h>(cx: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    let size = natural(args[1])?;
    let heap = cx.heap;
    with_file(cx, args[0], |file| Ok(bytes_or_eof(heap, file.read_block(size? as usize, None)?)))
}

fn pread<'h>(cx: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    let (offset, size) = (natural(args[1])?, natural(args[2])?);
    let heap = cx.heap;
    with_file(cx, args[0], |file| {
        let offset = offset?;
        Ok(bytes_or_eof(heap, file.read_block(size? as usize, Some(offset))?))
    })
}

/// The bytes of a list of binaries, copied only where they are not aligned.
fn parts<'h>(list: Term<'h>) -> Result<Vec<Cow<'h, [u8]>>, Flow<'h>> {
    if let Some(bytes) = list.as_bytes() {
        return Ok(vec![bytes.into()]);
    }
    let elements = list.list_to_vec().ok_or_else(Flow::badarg)?;
    let bits = elements.iter().map(|element| element.as_bits().filter(|b| b.bit_size() % 8 == 0));
    bits.map(|bits| bits.map(|b| b.to_bytes()).ok_or_else(Flow::badarg)).collect()
}

fn write<'h>(cx: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    let parts = parts(args[1])?;
    let slices: Vec<&[u8]> = parts.iter().map(AsRef::as_ref).collect();
    with_file_ok(cx, args[0], |file| file.write(&slices))
}

fn pwrite<'h>(cx: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    let offset = natural(args[1])?;
    let parts = parts(args[2])?;
    let slices: Vec<&[u8]> = parts.iter().map(AsRef::as_ref).collect();
    with_file_ok(cx, args[0], |file| file.write_at(&slices, offset?))
}

fn seek<'h>(cx: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    let offset = args[2].as_i64().ok_or_else(Flow::badarg)?;
    let from = match args[1].as_atom().map(|a| a.name()) {
        Some("bof") => From::Start,
        Some("cur") => From::Current,
        Some("eof") => From::End,
        _ => return Err(Flow::badarg()),
    };
    let heap = cx.heap;
    with_file(cx, args[0], |file| Ok(heap.tagged(am::ok, [heap.int(file.seek(from, offset)?)])))
}

fn sync<'h>(cx: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    let data_only = int(args[1])? != 0;
    with_file_ok(cx, args[0], |file| file.sync(data_only))
}

fn truncate<'h>(cx: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    with_file_ok(cx, args[0], File::truncate)
}

fn allocate<'h>(cx: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    let (offset, length) = (natural(args[1])?, natural(args[2])?);
    with_file_ok(cx, args[0], |file| file.allocate(offset?, length?))
}

fn advise<'h>(cx: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    let (offset, length) = (natural(args[1])?, natural(args[2])?);
    let advice = match args[3].as_atom().map(|a| a.name()) {
        Some("normal") => Ok(Advice::Normal),
        Some("random") => Ok(Advice::Random),
        Some("sequential") => Ok(Advice::Sequential),
        Some("will_need") => Ok(Advice::WillNeed),
        Some("dont_need") => Ok(Advice::DontNeed),
        Some("no_reuse") => Ok(Advice::NoReuse),
        _ => Err(EINVAL),
    };
    with_file_ok(cx, args[0], |file| file.advise(offset?, length?, advice?))
}

/// Reads a pointer (size and offset, 32 bits each, big-endian) at an offset,
/// then the block it points at. `eof` when there is no whole pointer or the
/// block is larger than wanted.
fn read_by_pointer<'h>(cx: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    let offset = natural(args[1])?;
    let most = natural(args[2]).map(|_| args[2].as_i64().filter(|n| *n < 1 << 31).ok_or(EINVAL))?;
    let heap = cx.heap;
    with_file(cx, args[0], |file| {
        let (offset, most) = (offset?, most?);
        let mut pointer = [0; 8];
        let eof = Term::atom(am::eof);
        if file.read_at(&mut pointer, offset)? < pointer.len() {
            return Ok(eof);
        }
        let number = |at: usize| u32::from_be_bytes(pointer[at..at + 4].try_into().expect("4"));
        let (size, at) = (number(0), number(4));
        if i64::from(size) > most {
            return Ok(eof);
        }
        let block = file.read_block(size as usize, Some(i64::from(at)))?;
        let bytes = if block.bytes().is_empty() { eof } else { block.into_term(heap) };
        let answer = heap.tuple(&[heap.uint(size.into()), heap.uint(at.into()), bytes]);
        Ok(heap.tagged(am::ok, [answer]))
    })
}

fn get_handle<'h>(cx: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    let heap = cx.heap;
    with_file(cx, args[0], |file| Ok(heap.binary(&file.descriptor().to_ne_bytes())))
}

fn read_file<'h>(cx: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    let modes = Modes { read: true, ..Modes::default() };
    let open = path(args[0]).and_then(|path| File::open(&path, modes));
    match open.and_then(|file| file.read_to_end()) {
        Ok(block) => ok(cx.heap, block.into_term(cx.heap)),
        Err(reason) => Ok(error(cx.heap, reason)),
    }
}

/// `#file_info{}`; numbers of 32 bits, as stock's.
fn file_info<'h>(heap: &'h Heap, info: &FileInfo) -> Term<'h> {
    let kind = match info.kind {
        FileKind::Device => "device",
        FileKind::Directory => "directory",
        FileKind::Regular => "regular",
        FileKind::SymbolicLink => "symlink",
        FileKind::Other => "other",
    };
    let access = match info.access {
        Access { read: true, write: true } => "read_write",
        Access { read: true, write: false } => "read",
        Access { read: false, write: true } => "write",
        Access { read: false, write: false } => "none",
    };
    let time = |seconds: i64| heap.int(seconds.max(EARLIEST_S));
    let low = |number: u64| heap.uint(u64::from(number as u32));
    heap.tagged(
        atom("file_info"),
        [
            heap.uint(info.size),
            Term::atom(atom(kind)),
            Term::atom(atom(access)),
            time(info.accessed_s),
            time(info.modified_s),
            time(info.changed_s),
            heap.uint(info.mode.into()),
            low(info.links),
            low(info.major_device),
            low(info.minor_device),
            low(info.inode),
            heap.uint(info.user.into()),
            heap.uint(info.group.into()),
        ],
    )
}

fn read_info<'h>(cx: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    let follow_links = int(args[1])? != 0;
    match path(args[0]).and_then(|path| file::read_info(&path, follow_links)) {
        Ok(info) => Ok(file_info(cx.heap, &info)),
        Err(reason) => Ok(error(cx.heap, reason)),
    }
}

fn read_handle_info<'h>(cx: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    let heap = cx.heap;
    with_file(cx, args[0], |file| Ok(file_info(heap, &file.info()?)))
}

fn set_permissions<'h>(cx: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    let bits = args[1].as_u64().and_then(|n| u32::try_from(n).ok()).ok_or_else(Flow::badarg)?;
    let done = path(args[0]).and_then(|path| file::set_permissions(&path, bits));
    ok_or_error(cx.heap, done)
}

fn set_owner<'h>(cx: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    let (user, group) = (int(args[1])?, int(args[2])?);
    ok_or_error(cx.heap, path(args[0]).and_then(|path| file::set_owner(&path, user, group)))
}

fn set_time<'h>(cx: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    let seconds = |term: Term<'h>| term.as_i64().ok_or_else(Flow::badarg);
    let (accessed_s, modified_s, _) = (seconds(args[1])?, seconds(args[2])?, seconds(args[3])?);
    let done = path(args[0]).and_then(|path| file::set_times(&path, accessed_s, modified_s));
    ok_or_error(cx.heap, done)
}

/// `{ok, Binary}` or an error.
fn bytes<'h>(heap: &'h Heap, answer: Answer<Vec<u8>>) -> NativeResult<'h> {
    match answer {
        Ok(bytes) => ok(heap, heap.binary(&bytes)),
        Err(reason) => Ok(error(heap, reason)),
    }
}

fn read_link<'h>(cx: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    bytes(cx.heap, path(args[0]).and_then(|path| file::read_link(&path)))
}

fn list_dir<'h>(cx: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    match path(args[0]).and_then(|path| file::list_directory(&path)) {
        Ok(names) => {
            let names = names.iter().map(|name| cx.heap.binary(name));
            // Last read first, as stock's list is.
            ok(cx.heap, cx.heap.list_from_rev(names))
        }
        Err(reason) => Ok(error(cx.heap, reason)),
    }
}

fn two_paths<'h>(
    cx: &Cx<'h>,
    args: &[Term<'h>],
    operation: fn(&std::ffi::CStr, &std::ffi::CStr) -> Answer<()>,
) -> NativeResult<'h> {
    let paths = path(args[0]).and_then(|first| Ok((first, path(args[1])?)));
    ok_or_error(cx.heap, paths.and_then(|(first, second)| operation(&first, &second)))
}

fn one_path<'h>(
    cx: &Cx<'h>,
    args: &[Term<'h>],
    operation: fn(&std::ffi::CStr) -> Answer<()>,
) -> NativeResult<'h> {
    ok_or_error(cx.heap, path(args[0]).and_then(|path| operation(&path)))
}

fn make_hard_link<'h>(cx: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    two_paths(cx, args, file::hard_link)
}

fn make_soft_link<'h>(cx: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    two_paths(cx, args, file::soft_link)
}

fn rename<'h>(cx: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    two_paths(cx, args, file::rename)
}

fn make_dir<'h>(cx: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    one_path(cx, args, file::make_directory)
}

fn del_file<'h>(cx: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    one_path(cx, args, file::delete_file)
}

fn del_dir<'h>(cx: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    one_path(cx, args, file::delete_directory)
}

fn set_cwd<'h>(cx: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    one_path(cx, args, file::set_current_directory)
}

fn get_cwd<'h>(cx: &mut Cx<'h>, _: &[Term<'h>]) -> NativeResult<'h> {
    bytes(cx.heap, file::current_directory())
}

/// There are no drives here.
fn get_device_cwd<'h>(cx: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    int(args[0])?;
    Ok(error(cx.heap, Errno(libc::ENOTSUP)))
}

/// There are no short names here.
fn altname<'h>(cx: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    let answer = path(args[0]).and(Err(Errno(libc::ENOTSUP)));
    ok_or_error(cx.heap, answer)
}
