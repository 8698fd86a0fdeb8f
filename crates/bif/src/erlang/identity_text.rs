//! Pids, ports, references and funs from and to text.

use oxbeam_runtime::{Cx, Flow, NativeResult};
use oxbeam_term::identity::pid_data;
use oxbeam_term::print::{identity_text, to_bytes};
use oxbeam_term::{Atom, Node, Term};

use crate::arg::{self, take};

fn text<'h>(cx: &Cx<'h>, is_one: bool, term: Term<'h>) -> NativeResult<'h> {
    if is_one {
        Ok(cx.heap.list_of_bytes(identity_text(term).as_bytes()))
    } else {
        Err(Flow::badarg())
    }
}

pub fn pid_to_list_1<'h>(cx: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    let [term] = take(args);
    text(cx, term.is_pid(), term)
}

pub fn port_to_list_1<'h>(cx: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    let [term] = take(args);
    text(cx, term.is_port(), term)
}

pub fn ref_to_list_1<'h>(cx: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    let [term] = take(args);
    if let Some(reference) = term.as_ref() {
        reference.goes_outside();
    }
    text(cx, term.is_reference(), term)
}

pub fn fun_to_list_1<'h>(cx: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    let [term] = take(args);
    if !term.is_fun() {
        return Err(Flow::badarg());
    }
    // The text may hold characters of atoms beyond Latin-1.
    match String::from_utf8(to_bytes(term)) {
        Ok(text) => Ok(cx.heap.list_of_chars(&text)),
        Err(error) => Ok(cx.heap.list_of_bytes(error.as_bytes())),
    }
}

/// The numbers of a text such as `<0.1.2>`: all between the opening and the closing, parted by
/// points.
fn numbers<'h>(list: Term<'h>, opening: &str) -> Result<Vec<u64>, Flow<'h>> {
    let bytes = arg::list(list)?
        .into_iter()
        .map(|char| char.as_small().and_then(|char| u8::try_from(char).ok()))
        .collect::<Option<Vec<u8>>>()
        .ok_or_else(Flow::badarg)?;
    let body = bytes
        .strip_prefix(opening.as_bytes())
        .and_then(|body| body.strip_suffix(b">"))
        .and_then(|body| std::str::from_utf8(body).ok())
        .ok_or_else(Flow::badarg)?;
    let number = |part: &str| {
        let digits = !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
        if digits { part.parse().ok() } else { None }
    };
    body.split('.').map(number).collect::<Option<_>>().ok_or_else(Flow::badarg)
}

fn u32_of<'h>(number: u64) -> Result<u32, Flow<'h>> {
    u32::try_from(number).map_err(|_| Flow::badarg())
}

/// The node that the first number of a text names: this one, or one that was heard of.
fn node<'h>(channel: u64) -> Result<&'static Node, Flow<'h>> {
    if channel == 0 {
        return Ok(Node::this());
    }
    let index = u32_of(channel)?;
    if index as usize >= Atom::count() {
        return Err(Flow::badarg());
    }
    Node::known(Atom::from_index(index)).ok_or_else(Flow::badarg)
}

pub fn list_to_pid_1<'h>(cx: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    let [list] = take(args);
    let &[channel, number, serial] = &numbers(list, "<")?[..] else { return Err(Flow::badarg()) };
    let (number, serial) = (u32_of(number)?, u32_of(serial)?);
    let node = node(channel)?;
    if !node.is_this() {
        let data = u64::from(number) | u64::from(serial) << 32;
        return Ok(cx.heap.external_pid(node, data));
    }
    if number >= 1 << 15 || serial >= 1 << 13 {
        return Err(Flow::badarg());
    }
    Ok(Term::pid(pid_data(number, serial)))
}

pub fn list_to_port_1<'h>(cx: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    let [list] = take(args);
    let &[channel, number] = &numbers(list, "#Port<")?[..] else { return Err(Flow::badarg()) };
    let node = node(channel)?;
    if !node.is_this() {
        return Ok(cx.heap.external_port(node, number));
    }
    if number < 1 << 28 { Ok(Term::port(number)) } else { Err(Flow::badarg()) }
}

pub fn list_to_ref_1<'h>(cx: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    let [list] = take(args);
    let all = numbers(list, "#Ref<")?;
    let (&channel, high_first) = all.split_first().ok_or_else(Flow::badarg)?;
    let low_first: Vec<u32> =
        high_first.iter().rev().map(|&number| u32_of(number)).collect::<Result<_, _>>()?;
    let node = node(channel)?;
    if low_first.is_empty() || low_first.len() > oxbeam_term::identity::MAX_REF_NUMBERS {
        return Err(Flow::badarg());
    }
    if !node.is_this() {
        return Ok(cx.heap.external_ref(node, &low_first));
    }
    match low_first[..] {
        [first, second, third] if first < 1 << 18 => Ok(cx.heap.known_ref([first, second, third])),
        _ => Err(Flow::badarg()),
    }
}
