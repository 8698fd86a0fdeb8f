//! The frame proof: which instructions may be executed as they stand.
//!
//! For each function, the size of the stack frame is followed along all paths.
//! An instruction that names a stack slot outside of the frame, leaves or
//! returns with the wrong frame, calls without one, or branches where another
//! frame is expected, is *bad*: the loader writes an instruction that raises an
//! error in its place. So is code that no path of its own function reaches.
//! A branch to another function says nothing of the frame there: it has to fit
//! what that function's own paths say. Nothing is refused: a file may hold such
//! code and never run it.
//!
//! What else memory safety needs is seen to while running: slots are born nil,
//! registers beyond those alive are cleared at each collection and switch, a
//! catch mark carries the frame it belongs to.

use crate::source::{Gen, Source};
use oxbeam_beam_file::{BeamFile, Operand};
use oxbeam_ops::generic::Generic as G;
use std::collections::{HashMap, HashSet};

/// A frame size; no frame is [`NONE`].
type Frame = i32;
/// The function has no frame.
const NONE: Frame = -1;
/// No path has been seen.
const UNREACHED: Frame = -2;
/// Paths of different frames meet, where it does not matter.
const ANY: Frame = -3;
/// Code that only raises is looked for in this many instructions.
const RAISE_WITHIN: usize = 16;

/// The outcome: rows (by index in the source) that must not be executed.
pub(crate) struct Verdicts {
    bad: Vec<bool>,
    unproved: usize,
    catches: HashMap<usize, u16>,
    loops: HashSet<usize>,
}

impl Verdicts {
    /// How many bad rows there are on paths from the functions' entries: none in what a sound
    /// compiler writes.
    pub(crate) fn unproved(&self) -> usize {
        self.unproved
    }

    /// Whether row `i` must be replaced.
    pub(crate) fn is_bad(&self, i: usize) -> bool {
        self.bad[i]
    }

    /// Whether row `i` is a label that some branch below it leads back to, other
    /// than those of a receive, which count their reductions.
    pub(crate) fn is_loop(&self, i: usize) -> bool {
        self.loops.contains(&i)
    }

    /// The frame, in words, in which row `i` sets a catch mark.
    pub(crate) fn catch_frame(&self, i: usize) -> u16 {
        self.catches.get(&i).copied().unwrap_or(0)
    }
}

#[derive(Clone, Copy)]
struct Label {
    row: usize,
    function: u32,
    /// Where a `func_info` follows, or code that only raises: any frame of this size or larger
    /// will do.
    open: Option<Frame>,
    frame: Frame,
}

struct Pass<'a> {
    file: &'a BeamFile<'a>,
    labels: Vec<Option<Label>>,
    bad: Vec<bool>,
    unproved: usize,
    catches: HashMap<usize, u16>,
    loops: HashSet<usize>,
    at: usize,
    frame: Frame,
    function: u32,
    changed: bool,
}

/// Follows the frames of all functions.
pub(crate) fn verify(file: &BeamFile<'_>, source: &Source) -> Verdicts {
    let mut pass = Pass {
        file,
        labels: labels(file, source),
        bad: vec![false; source.len()],
        unproved: 0,
        catches: HashMap::new(),
        loops: HashSet::new(),
        at: 0,
        frame: UNREACHED,
        function: 0,
        changed: true,
    };
    // Frames reach labels in order but for backward branches to labels that
    // nothing above reaches: a pass for each depth of those.
    let mut rounds = 0;
    while std::mem::take(&mut pass.changed) && rounds < 64 {
        pass.round(source);
        rounds += 1;
    }
    Verdicts { bad: pass.bad, unproved: pass.unproved, catches: pass.catches, loops: pass.loops }
}

fn labels(file: &BeamFile<'_>, source: &Source) -> Vec<Option<Label>> {
    let mut labels = vec![None; file.header.label_count as usize];
    let (mut function, mut open) = (0, Vec::new());
    for i in 0..source.len() {
        let Some(row) = source.get(i) else { break };
        match (row.op, row.args) {
            (G::Label, &[Operand::U(n)]) => {
                if let Some(slot) = labels.get_mut(n as usize) {
                    let only_raises = only_raises(file, source, i + 1);
                    let frame = if only_raises.is_some() { ANY } else { UNREACHED };
                    *slot = Some(Label { row: i, function, open: only_raises, frame });
                    open.push(n as usize);
                }
            }
            (G::Line, _) => {}
            (G::FuncInfo, _) => {
                function += 1;
                for &n in &open {
                    labels[n] = Some(Label { row: i, function, open: Some(NONE), frame: ANY });
                }
            }
            _ => open.clear(),
        }
        if row.op == G::FuncInfo {
            open.clear();
        }
    }
    labels
}

impl Pass<'_> {
    fn round(&mut self, source: &Source) {
        (self.frame, self.function) = (UNREACHED, 0);
        self.unproved = 0;
        for i in 0..source.len() {
            let Some(row) = source.get(i) else { break };
            self.at = i;
            match row.op {
                G::Label => self.label(i, row.args),
                G::FuncInfo => {
                    self.function += 1;
                    self.frame = NONE;
                }
                G::Line | G::OnLoad | G::IntCodeEnd => {}
                _ => {
                    let good = self.frame != UNREACHED && self.row(row).is_some();
                    self.bad[i] = !good;
                    self.unproved += usize::from(!good && self.frame != UNREACHED);
                    if good && matches!(row.op, G::Catch | G::Try) {
                        self.catches.insert(i, self.frame as u16);
                    }
                    if !good || ends(self.file, row) {
                        self.frame = UNREACHED;
                    }
                }
            }
        }
    }

    fn label(&mut self, i: usize, args: &[Operand]) {
        let &[Operand::U(n)] = args else { return };
        let Some(Some(label)) = self.labels.get_mut(n as usize) else { return };
        if label.frame == UNREACHED && self.frame != UNREACHED {
            label.frame = self.frame;
            self.changed = true;
        }
        let fits = match label.open {
            // Where any frame will do above, it will do here: the code above was read this far.
            Some(least) => self.frame == ANY || self.frame >= least,
            None => self.frame == label.frame,
        };
        // A path from above that arrives with another frame ends here.
        self.bad[i] = self.frame != UNREACHED && !fits;
        self.unproved += usize::from(self.bad[i]);
        self.frame = label.open.filter(|&least| least > 0).unwrap_or(label.frame);
    }

    /// Checks a reached row and follows what it does; `None`: it is bad.
    fn row(&mut self, row: Gen<'_>) -> Option<()> {
        let (args, frame) = (row.args, self.frame);
        let slots = args.iter().filter_map(|arg| match arg {
            Operand::Y(n) => Some(i32::from(*n)),
            _ => None,
        });
        if slots.max().is_some_and(|n| n >= frame) {
            return None;
        }
        let has = |arg: Operand| matches!(arg, Operand::U(n) if n as i64 == i64::from(frame));
        let raises = raises(self.file, row);
        match row.op {
            G::CallExt | G::CallExtOnly | G::CallExtLast if raises => {}
            G::Allocate | G::AllocateZero | G::AllocateHeap | G::AllocateHeapZero => {
                let &Operand::U(n) = args.first()? else { return None };
                self.frame = (frame == NONE && n < 1024).then_some(n as Frame)?;
            }
            G::Deallocate => {
                self.frame = has(*args.first()?).then_some(NONE)?;
            }
            G::Trim => {
                let &Operand::U(n) = args.first()? else { return None };
                self.frame = (n as i64 <= i64::from(frame)).then(|| frame - n as Frame)?;
            }
            G::Call | G::CallExt | G::CallFun | G::CallFun2 | G::Apply if frame < 0 => {
                return None;
            }
            G::CallLast | G::CallExtLast if !has(*args.get(2)?) => return None,
            G::ApplyLast if !has(*args.get(1)?) => return None,
            G::CallOnly | G::CallExtOnly | G::Return if frame != NONE => return None,
            _ => {}
        }
        match row.op {
            G::Call | G::CallOnly | G::CallLast | G::MakeFun2 | G::MakeFun3 => Some(()),
            _ => args.iter().try_for_each(|arg| match arg {
                Operand::Label(n) => self.branch(*n, row.op),
                _ => Some(()),
            }),
        }
    }

    fn branch(&mut self, n: u32, by: G) -> Option<()> {
        // An undefined label is refused elsewhere.
        let Some(label) = self.labels.get_mut(n as usize)?.as_mut() else { return Some(()) };
        let own = label.function == self.function;
        if label.row < self.at && label.open.is_none() && !counts(by) {
            self.loops.insert(label.row);
        }
        if label.frame == UNREACHED && own {
            label.frame = self.frame;
            self.changed = true;
        }
        let fits = match label.open {
            Some(least) => self.frame >= least,
            None => label.frame == self.frame,
        };
        fits.then_some(())
    }
}

/// Whether an operation that branches counts a reduction or sleeps.
fn counts(op: G) -> bool {
    matches!(op, G::LoopRecEnd | G::Wait | G::WaitTimeout)
}

/// Whether control never goes on behind a row.
fn ends(file: &BeamFile<'_>, row: Gen<'_>) -> bool {
    match row.op {
        G::CallOnly
        | G::CallLast
        | G::CallExtOnly
        | G::CallExtLast
        | G::ApplyLast
        | G::Return
        | G::Jump
        | G::Badmatch
        | G::CaseEnd
        | G::IfEnd
        | G::Badrecord
        | G::TryCaseEnd
        | G::Raise
        | G::Wait
        | G::LoopRecEnd
        | G::SelectVal
        | G::SelectTupleArity => true,
        _ => raises(file, row),
    }
}

/// The least frame for the code from row `i` on, if it raises an error before it changes the
/// frame or branches: such code is shared by paths of different frames.
fn only_raises(file: &BeamFile<'_>, source: &Source, i: usize) -> Option<Frame> {
    let mut least = NONE;
    for row in (i..i + RAISE_WITHIN).filter_map(|i| source.get(i)) {
        for arg in row.args {
            if let Operand::Y(n) = arg {
                least = least.max(Frame::from(*n) + 1);
            }
        }
        match row.op {
            G::Badmatch | G::CaseEnd | G::IfEnd | G::Badrecord | G::TryCaseEnd => {
                return Some(least);
            }
            G::CallExt | G::CallExtOnly | G::CallExtLast => {
                return raises(file, row).then_some(least);
            }
            G::Label
            | G::Line
            | G::Move
            | G::TestHeap
            | G::PutList
            | G::PutTuple2
            | G::GetTupleElement => {}
            _ => return None,
        }
    }
    None
}

/// Whether a row is a call of a native that only raises.
fn raises(file: &BeamFile<'_>, row: Gen<'_>) -> bool {
    if !matches!(row.op, G::CallExt | G::CallExtOnly | G::CallExtLast) {
        return false;
    }
    let Some(&Operand::U(n)) = row.args.get(1) else { return false };
    let Some(import) = file.imports.get(n as usize) else { return false };
    file.atom(import.module) == "erlang"
        && match file.atom(import.function) {
            "error" => (1..=3).contains(&import.arity),
            "exit" | "throw" => import.arity == 1,
            _ => false,
        }
}
