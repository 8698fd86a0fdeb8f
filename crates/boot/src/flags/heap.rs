//! `-h…`: sizes of heaps.

use super::{Answer, Reader, number, usage};

impl<'a> Reader<'a> {
    pub(super) fn heap(&mut self, rest: &'a [u8]) -> Answer {
        if let Some(rest) = rest.strip_prefix(b"mbs") {
            self.options.min_binary_heap_words = self.heap_size(rest)?;
        } else if let Some(rest) = rest.strip_prefix(b"ms") {
            self.options.min_heap_words = self.heap_size(rest)?;
        } else if let Some(rest) = rest.strip_prefix(b"pds") {
            self.dictionary_size(rest)?;
        } else if let Some(rest) = rest.strip_prefix(b"mqd") {
            self.message_queue(rest)?;
        } else if let Some(rest) = rest.strip_prefix(b"maxk") {
            self.options.max_heap_kill = self.heap_switch(rest, b"bad max heap kill ")?;
        } else if let Some(rest) = rest.strip_prefix(b"maxel") {
            self.options.max_heap_log = self.heap_switch(rest, b"bad max heap error logger ")?;
        } else if let Some(rest) = rest.strip_prefix(b"max") {
            self.max_heap(rest)?;
        } else {
            self.options.min_heap_words = self.heap_size(rest)?;
        }
        Ok(())
    }

    fn heap_size(&mut self, rest: &'a [u8]) -> Result<u64, super::Stop> {
        let text = self.value(rest)?;
        match number::leading(text) {
            size @ 1.. => Ok(size as u64),
            _ => Err(usage(&[b"bad heap size ", text])),
        }
    }

    fn heap_switch(&mut self, rest: &'a [u8], message: &[u8]) -> Result<bool, super::Stop> {
        match self.value(rest)? {
            b"true" => Ok(true),
            b"false" => Ok(false),
            other => Err(usage(&[message, other])),
        }
    }

    fn dictionary_size(&mut self, rest: &'a [u8]) -> Answer {
        let text = self.value(rest)?;
        match number::leading(text) {
            size @ 1.. => self.options.dictionary_size = u32::try_from(size).unwrap_or(u32::MAX),
            _ => return Err(usage(&[b"bad initial process dictionary size ", text])),
        }
        Ok(())
    }

    fn message_queue(&mut self, rest: &'a [u8]) -> Answer {
        self.options.message_queue_off_heap = match self.value(rest)? {
            b"on_heap" => false,
            b"off_heap" => true,
            other => return Err(usage(&[b"Invalid message_queue_data flag: ", other])),
        };
        Ok(())
    }

    fn max_heap(&mut self, rest: &'a [u8]) -> Answer {
        let text = self.value(rest)?;
        let size = number::leading(text);
        if !(0..1 << 59).contains(&size) {
            return Err(usage(&[b"bad max heap size ", text]));
        }
        let (size, before) = (size as u64, self.options.max_heap_words);
        // As stock does, the limit set before is what is compared.
        if before != 0 && before < self.options.min_heap_words {
            let min = self.options.min_heap_words.to_string();
            return Err(usage(&[
                b"max heap size (",
                text,
                b") is not allowed to be smaller than min heap size (",
                min.as_bytes(),
                b")",
            ]));
        }
        self.options.max_heap_words = size;
        Ok(())
    }
}
