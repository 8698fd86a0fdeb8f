//! Ports as a crash dump tells of them.

use super::{Port, Status, table};
use oxbeam_runtime::registry;
use std::io::{Result, Write};

/// The word by which `heart` learns that a crash dump is about to be written.
const PREPARING_CRASH: u8 = 8;

/// Tells OTP's `heart`, which watches the runtime from outside, that the runtime crashes. Whether
/// there is one.
pub fn tell_heart_of_crash() -> bool {
    let is_heart = |port: &Port| {
        let command = port.name.split(|byte| *byte == b' ').next().unwrap_or_default();
        command.rsplit(|byte| *byte == b'/').next() == Some(b"heart")
    };
    let heart = table::all().into_iter().find(|port| is_heart(port));
    heart.is_some_and(|port| port.output(vec![PREPARING_CRASH]))
}

/// The section `=port` of each port.
pub fn describe_all(out: &mut dyn Write) -> Result<()> {
    table::all().iter().try_for_each(|port| describe(out, port))
}

fn describe(out: &mut dyn Write, port: &Port) -> Result<()> {
    // Who holds it may be a thread that has stopped: then there is no more to say.
    let Some(inner) = port.inner.try_lock() else { return Ok(()) };
    if inner.status == Status::Closed {
        return Ok(());
    }
    let presentation = &inner.presentation;
    writeln!(out, "=port:#Port<0.{}>", port.number)?;
    let flags = [("BINARY_IO", presentation.binary), ("SOFT_EOF", presentation.eof)];
    let flags = flags.into_iter().filter(|(_, on)| *on).map(|(name, _)| format!("|{name}"));
    writeln!(out, "State: CONNECTED{}", flags.collect::<String>())?;
    writeln!(out, "Slot: {}\nConnected: <0.{}.0>", port.number, inner.owner)?;
    if !inner.links.is_empty() {
        let links: Vec<_> = inner.links.iter().map(|pid| format!("<0.{pid}.0>")).collect();
        writeln!(out, "Links: {}", links.join(", "))?;
    }
    if let Some(name) = registry::port_name(port.number) {
        writeln!(out, "Registered as: {}", name.name())?;
    }
    let name = String::from_utf8_lossy(&port.name);
    match inner.os_pid {
        Some(_) => writeln!(out, "Port controls external process: {name}")?,
        None => writeln!(out, "Port is UNIX fd not opened by emulator: {name}")?,
    }
    writeln!(out, "Input: {}\nOutput: {}", inner.input_bytes, inner.output_bytes)?;
    writeln!(out, "Queue: {}", inner.driver.queued_bytes())
}
