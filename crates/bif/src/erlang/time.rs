//! Clocks, dates and timers.

use crate::{arg, long};
use oxbeam_ethread::Atomic64;
use oxbeam_heap::OwnedTerm;
use oxbeam_runtime::reference::{RefNumbers, new_numbers};
use oxbeam_runtime::system_profile::timestamp;
use oxbeam_runtime::timer::{self, Destination};
use oxbeam_runtime::yielding::Begin;
use oxbeam_runtime::{Cx, Flow, NativeResult, Slot, Yielded, Yielder, system, time_offset};
use oxbeam_sys::calendar::{self, DateTime};
use oxbeam_sys::clock;
use oxbeam_term::view::Kind;
use oxbeam_term::{Atom, Term, am};

/// Nanoseconds in a time unit: its name, or a number of parts a second.
fn parts_per_second<'h>(unit: Term<'h>) -> Result<i128, Flow<'h>> {
    if let Some(parts) = unit.as_i64() {
        return if parts > 0 { Ok(i128::from(parts)) } else { Err(Flow::badarg()) };
    }
    match unit.as_atom() {
        Some(am::second | am::seconds) => Ok(1),
        Some(am::millisecond | am::milli_seconds) => Ok(1_000),
        Some(am::microsecond | am::micro_seconds) => Ok(1_000_000),
        Some(am::nanosecond | am::nano_seconds | am::native | am::perf_counter) => Ok(NATIVE),
        _ => Err(Flow::badarg()),
    }
}

/// Native time units a second: nanoseconds.
const NATIVE: i128 = 1_000_000_000;

fn in_unit<'h>(cx: &Cx<'h>, ns: i64, unit: Term<'h>) -> NativeResult<'h> {
    let parts = parts_per_second(unit)?;
    Ok(cx.heap.int128((i128::from(ns) * parts).div_euclid(NATIVE)))
}

macro_rules! clocks {
    ($($zero:ident, $one:ident => $ns:expr;)*) => {$(
        #[doc = "The clock in native units."]
        pub fn $zero<'h>(cx: &mut Cx<'h>, _: &[Term<'h>]) -> NativeResult<'h> {
            Ok(cx.heap.int($ns))
        }
        #[doc = "The clock in the given unit."]
        pub fn $one<'h>(cx: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
            in_unit(cx, $ns, args[0])
        }
    )*};
}

clocks! {
    monotonic_time_0, monotonic_time_1 => clock::monotonic_ns();
    system_time_0, system_time_1 => system::system_time_ns();
    time_offset_0, time_offset_1 => time_offset::offset_ns();
    os_system_time_0, os_system_time_1 => clock::system_ns();
}

/// `erlang:timestamp/0`
pub fn timestamp_0<'h>(cx: &mut Cx<'h>, _: &[Term<'h>]) -> NativeResult<'h> {
    Ok(timestamp(cx.heap, system::system_time_ns() / 1000))
}

/// `os:timestamp/0`
pub fn os_timestamp_0<'h>(cx: &mut Cx<'h>, _: &[Term<'h>]) -> NativeResult<'h> {
    Ok(timestamp(cx.heap, clock::system_ns() / 1000))
}

/// `erlang:now/0`: strictly increasing.
pub fn now_0<'h>(cx: &mut Cx<'h>, _: &[Term<'h>]) -> NativeResult<'h> {
    Ok(timestamp(cx.heap, system::now_us()))
}

/// `os:perf_counter/0`
pub fn perf_counter_0<'h>(cx: &mut Cx<'h>, _: &[Term<'h>]) -> NativeResult<'h> {
    Ok(cx.heap.int(clock::monotonic_ns()))
}

/// `erts_internal:time_unit/0` and `erts_internal:perf_counter_unit/0`
pub fn time_unit_0<'h>(cx: &mut Cx<'h>, _: &[Term<'h>]) -> NativeResult<'h> {
    Ok(cx.heap.int(NATIVE as i64))
}

fn date_term<'h>(cx: &Cx<'h>, time: DateTime) -> Term<'h> {
    let parts = [time.year, time.month.into(), time.day.into()];
    cx.heap.tuple(&parts.map(|part| cx.heap.int(part)))
}

fn time_term<'h>(cx: &Cx<'h>, time: DateTime) -> Term<'h> {
    let parts = [time.hour, time.minute, time.second];
    cx.heap.tuple(&parts.map(|part| cx.heap.int(part.into())))
}

fn date_time<'h>(cx: &Cx<'h>, time: Option<DateTime>) -> NativeResult<'h> {
    let time = time.ok_or_else(Flow::badarg)?;
    Ok(cx.heap.tuple(&[date_term(cx, time), time_term(cx, time)]))
}

fn now_seconds() -> i64 {
    clock::system_ns().div_euclid(1_000_000_000)
}

/// `erlang:date/0`
pub fn date_0<'h>(cx: &mut Cx<'h>, _: &[Term<'h>]) -> NativeResult<'h> {
    let time = calendar::local_of_seconds(now_seconds()).ok_or_else(Flow::badarg)?;
    Ok(date_term(cx, time))
}

/// `erlang:time/0`
pub fn time_0<'h>(cx: &mut Cx<'h>, _: &[Term<'h>]) -> NativeResult<'h> {
    let time = calendar::local_of_seconds(now_seconds()).ok_or_else(Flow::badarg)?;
    Ok(time_term(cx, time))
}

/// `erlang:localtime/0`
pub fn localtime_0<'h>(cx: &mut Cx<'h>, _: &[Term<'h>]) -> NativeResult<'h> {
    date_time(cx, calendar::local_of_seconds(now_seconds()))
}

/// `erlang:universaltime/0`
pub fn universaltime_0<'h>(cx: &mut Cx<'h>, _: &[Term<'h>]) -> NativeResult<'h> {
    date_time(cx, calendar::utc_of_seconds(now_seconds()))
}

/// First year of times that are taken as local ones, or made such.
const FIRST_LOCAL_YEAR: i64 = 1902;
/// First year of other times.
const FIRST_YEAR: i64 = 1600;

/// `{{Year,Month,Day},{Hour,Minute,Second}}`, each in its range.
fn parse_date_time(term: Term<'_>, first_year: i64) -> Option<DateTime> {
    let [date, time] = term.as_tuple_n()?;
    let [year, month, day] = date.as_tuple_n()?.map(|part: Term<'_>| part.as_i64());
    let [hour, minute, second] = time.as_tuple_n()?.map(|part: Term<'_>| part.as_i64());
    let small = |value: Option<i64>, max: i64| value.filter(|n| (0..=max).contains(n));
    let time = DateTime {
        year: year.filter(|year| (first_year..i64::from(i32::MAX)).contains(year))?,
        month: small(month, 12)?.try_into().ok()?,
        day: small(day, 31)?.try_into().ok()?,
        hour: small(hour, 23)?.try_into().ok()?,
        minute: small(minute, 59)?.try_into().ok()?,
        second: small(second, 59)?.try_into().ok()?,
    };
    (time.month > 0 && time.day > 0 && time.day <= days_of_month(time)).then_some(time)
}

fn days_of_month(time: DateTime) -> u8 {
    let leap = time.year % 4 == 0 && (time.year % 100 != 0 || time.year % 400 == 0);
    match time.month {
        2 => 28 + u8::from(leap),
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Seconds since 1970 of a time in UTC.
fn seconds_of_utc(time: DateTime) -> i64 {
    // Days since the first of March of year 0, in 400-year cycles.
    let (month, day) = (i64::from(time.month), i64::from(time.day));
    let year = time.year - i64::from(month <= 2);
    let cycle = year.div_euclid(400);
    let year_of_cycle = year.rem_euclid(400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let day_of_cycle = year_of_cycle * 365 + year_of_cycle / 4 - year_of_cycle / 100 + day_of_year;
    let days = cycle * 146_097 + day_of_cycle - 719_468;
    let seconds = i64::from(time.second) + 60 * i64::from(time.minute);
    days * 86_400 + i64::from(time.hour) * 3600 + seconds
}

/// `erlang:universaltime_to_localtime/1`
pub fn universaltime_to_localtime_1<'h>(cx: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    let time = parse_date_time(args[0], FIRST_LOCAL_YEAR).ok_or_else(Flow::badarg)?;
    date_time(cx, calendar::local_of_seconds(seconds_of_utc(time)))
}

/// `erlang:localtime_to_universaltime/2`
pub fn localtime_to_universaltime_2<'h>(cx: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    let is_dst = match args[1].as_atom() {
        Some(am::true_) => Some(true),
        Some(am::false_) => Some(false),
        Some(am::undefined) => None,
        _ => return Err(Flow::badarg()),
    };
    let time = parse_date_time(args[0], FIRST_LOCAL_YEAR).ok_or_else(Flow::badarg)?;
    let seconds = calendar::seconds_of_local(time, is_dst).ok_or_else(Flow::badarg)?;
    date_time(cx, calendar::utc_of_seconds(seconds))
}

/// `erlang:universaltime_to_posixtime/1`
pub fn universaltime_to_posixtime_1<'h>(cx: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    let time = parse_date_time(args[0], FIRST_YEAR).ok_or_else(Flow::badarg)?;
    Ok(cx.heap.int(seconds_of_utc(time)))
}

/// `erlang:posixtime_to_universaltime/1`
pub fn posixtime_to_universaltime_1<'h>(cx: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    date_time(cx, calendar::utc_of_seconds(args[0].as_i64().ok_or_else(Flow::badarg)?))
}

/// A timer's options: whether its time is absolute.
fn timer_options<'h>(list: Term<'h>) -> Result<bool, Flow<'h>> {
    let mut absolute = false;
    for option in arg::list(list)? {
        let [key, value] = option.as_tuple_n().ok_or_else(Flow::badopt)?;
        if !key.is(am::abs) {
            return Err(Flow::badopt());
        }
        absolute = value.as_bool().ok_or_else(Flow::badopt)?;
    }
    Ok(absolute)
}

/// Longest time a timer can be set to, in milliseconds: what fits native time.
const MAX_TIMER_MS: i64 = i64::MAX / 1_000_000 / 2;

fn deadline_ns<'h>(time: Term<'h>, absolute: bool) -> Result<i64, Flow<'h>> {
    let too_late = || match Atom::new("time") {
        Ok(time) => Flow::error_with(am::badarg, Term::atom(time)),
        Err(_) => Flow::system_limit(),
    };
    let ms = match time.kind() {
        Kind::Small(ms) if absolute || ms >= 0 => ms,
        Kind::Big(ms) if !ms.is_negative() => return Err(too_late()),
        _ => return Err(Flow::badarg()),
    };
    if ms > MAX_TIMER_MS {
        return Err(too_late());
    }
    if absolute { Ok(ms.saturating_mul(1_000_000)) } else { Ok(timer::after_ms(ms as u64)) }
}

/// A timer that is to be set.
struct Setting<'h> {
    deadline_ns: i64,
    to: Destination,
    numbers: RefNumbers,
    reference: Term<'h>,
    message: Term<'h>,
}

fn setting<'h>(
    cx: &Cx<'h>,
    args: &[Term<'h>],
    absolute: bool,
    wrapped: bool,
) -> Result<Setting<'h>, Flow<'h>> {
    let deadline_ns = deadline_ns(args[0], absolute)?;
    let to = match args[1].kind() {
        Kind::Pid(pid) => Destination::Pid(pid),
        Kind::Atom(name) => Destination::Name(name),
        _ => return Err(Flow::badarg()),
    };
    let numbers = new_numbers();
    let reference = cx.heap.plain_ref(numbers);
    let message = if wrapped { cx.heap.tagged(am::timeout, [reference, args[2]]) } else { args[2] };
    Ok(Setting { deadline_ns, to, numbers, reference, message })
}

fn set_timer<'h>(
    cx: &mut Cx<'h>,
    args: &[Term<'h>],
    absolute: bool,
    wrapped: bool,
    long: Begin,
) -> NativeResult<'h> {
    let set = setting(cx, args, absolute, wrapped)?;
    if long::is_large(set.message) {
        return Err(Flow::Long(long));
    }
    let message = OwnedTerm::deep_copy_of(set.message);
    timer::send_at(set.deadline_ns, set.numbers, set.to, message);
    Ok(set.reference)
}

long::routines! {
    send_after_3_long => send_after_3_in_turns;
    send_after_4_long => send_after_4_in_turns;
    start_timer_3_long => start_timer_3_in_turns;
    start_timer_4_long => start_timer_4_in_turns;
}

async fn send_after_3_in_turns(y: Yielder) -> Yielded {
    set_in_turns(y, false, false).await
}

async fn send_after_4_in_turns(y: Yielder) -> Yielded {
    set_in_turns(y, true, false).await
}

async fn start_timer_3_in_turns(y: Yielder) -> Yielded {
    set_in_turns(y, false, true).await
}

async fn start_timer_4_in_turns(y: Yielder) -> Yielded {
    set_in_turns(y, true, true).await
}

/// As [`set_timer`], for a large message.
async fn set_in_turns(y: Yielder, with_options: bool, wrapped: bool) -> Yielded {
    let (reference, message, set) = y
        .attempt(|cx, roots| {
            let args = roots.slots_from(Slot::arg(0)).to_vec();
            let absolute = with_options && timer_options(args[3])?;
            let set = setting(cx, &args, absolute, wrapped)?;
            let (reference, message) = (roots.push(set.reference), roots.push(set.message));
            Ok((reference, message, (set.deadline_ns, set.numbers, set.to)))
        })
        .await?;
    let message = long::copied(y, message, 0, true).await;
    y.step(|_, _| timer::send_at(set.0, set.1, set.2, message)).await;
    Ok(reference)
}

/// `erlang:send_after/3`
pub fn send_after_3<'h>(cx: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    set_timer(cx, args, false, false, send_after_3_long)
}

/// `erlang:send_after/4`
pub fn send_after_4<'h>(cx: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    set_timer(cx, args, timer_options(args[3])?, false, send_after_4_long)
}

/// `erlang:start_timer/3`
pub fn start_timer_3<'h>(cx: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    set_timer(cx, args, false, true, start_timer_3_long)
}

/// `erlang:start_timer/4`
pub fn start_timer_4<'h>(cx: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    set_timer(cx, args, timer_options(args[3])?, true, start_timer_4_long)
}

/// Options of `cancel_timer/2` and `read_timer/2`: `(async, info)`.
fn ask_options<'h>(list: Term<'h>) -> Result<(bool, bool), Flow<'h>> {
    let (mut asynchronous, mut info) = (false, true);
    for option in arg::list(list)? {
        let [key, value] = option.as_tuple_n().ok_or_else(Flow::badarg)?;
        let value = value.as_bool().ok_or_else(Flow::badarg)?;
        match key.as_atom() {
            Some(am::async_) => asynchronous = value,
            Some(am::info) => info = value,
            _ => return Err(Flow::badarg()),
        }
    }
    Ok((asynchronous, info))
}

fn ask_timer<'h>(
    cx: &mut Cx<'h>,
    timer_ref: Term<'h>,
    options: (bool, bool),
    tag: oxbeam_term::Atom,
    ask: fn([u32; 3]) -> Option<i64>,
) -> NativeResult<'h> {
    if !timer_ref.is_reference() {
        return Err(Flow::badarg());
    }
    let left_ns = timer_ref.as_ref().and_then(|reference| ask(reference.numbers()));
    let result = match left_ns {
        Some(ns) => cx.heap.int(ns.div_euclid(1_000_000) + i64::from(ns % 1_000_000 != 0)),
        None => Term::bool(false),
    };
    match options {
        (true, true) => {
            let message = cx.heap.tagged(tag, [timer_ref, result]);
            oxbeam_runtime::signal::send_message(cx.process, OwnedTerm::copy_of(message));
            Ok(Term::atom(am::ok))
        }
        (false, true) => Ok(result),
        (_, false) => Ok(Term::atom(am::ok)),
    }
}

/// `erlang:cancel_timer/1`
pub fn cancel_timer_1<'h>(cx: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    ask_timer(cx, args[0], (false, true), am::cancel_timer, timer::cancel)
}

/// `erlang:cancel_timer/2`
pub fn cancel_timer_2<'h>(cx: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    ask_timer(cx, args[0], ask_options(args[1])?, am::cancel_timer, timer::cancel)
}

/// `erlang:read_timer/1`
pub fn read_timer_1<'h>(cx: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    ask_timer(cx, args[0], (false, true), am::read_timer, timer::read)
}

/// `erlang:read_timer/2`
pub fn read_timer_2<'h>(cx: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    ask_timer(cx, args[0], ask_options(args[1])?, am::read_timer, timer::read)
}

oxbeam_ethread::shared! {
    static UNIQUE: Atomic64 = Atomic64::new(1);
}

/// `erlang:unique_integer/0`
pub fn unique_integer_0<'h>(cx: &mut Cx<'h>, _: &[Term<'h>]) -> NativeResult<'h> {
    let [low, middle, _] = new_numbers();
    let value = i64::from(middle) << 18 | i64::from(low);
    // Unique over both signs; positive ones come from `[positive]`.
    Ok(cx.heap.int(-(1 << 58) + value))
}

/// `erlang:unique_integer/1`
pub fn unique_integer_1<'h>(cx: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    let (mut positive, mut monotonic) = (false, false);
    for option in arg::list(args[0])? {
        match option.as_atom() {
            Some(am::positive) => positive = true,
            Some(am::monotonic) => monotonic = true,
            _ => return Err(Flow::badarg()),
        }
    }
    if monotonic {
        let value = UNIQUE.inc_read().wrapping_sub(1);
        return Ok(cx.heap.int(if positive { value } else { value - (1 << 58) }));
    }
    if positive {
        let [low, middle, _] = new_numbers();
        return Ok(cx.heap.int(i64::from(middle) << 18 | i64::from(low)));
    }
    unique_integer_0(cx, args)
}
