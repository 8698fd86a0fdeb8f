//! Maps of memory: address ranges reserved ahead, and memory below 2 GB.

use crate::Errno;
use crate::host::page_bytes;
use std::ptr::NonNull;

/// A range of addresses taken from the system, without memory until a part is
/// committed. Dropping it gives the whole range back.
#[derive(Debug)]
pub struct Reservation {
    start: NonNull<u8>,
    size_bytes: usize,
}

// SAFETY: the value is an address range; whoever writes into the memory
// behind it keeps its own rules about threads.
unsafe impl Send for Reservation {}
// SAFETY: as above; the methods change page tables only, which the system
// does atomically.
unsafe impl Sync for Reservation {}

/// Rounds up to whole pages.
pub fn round_to_pages(size_bytes: usize) -> usize {
    let page = page_bytes();
    size_bytes.div_ceil(page) * page
}

fn map(size_bytes: usize, protection: i32, extra_flags: i32) -> Result<NonNull<u8>, Errno> {
    let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | extra_flags;
    // SAFETY: a fresh anonymous map at an address of the system's choice
    // touches no memory that exists.
    let address = unsafe { libc::mmap(std::ptr::null_mut(), size_bytes, protection, flags, -1, 0) };
    if address == libc::MAP_FAILED {
        return Err(Errno::last());
    }
    Ok(NonNull::new(address.cast()).expect("the system maps nothing at zero"))
}

impl Reservation {
    /// Reserves `size_bytes` (rounded up to pages) of addresses, unreadable
    /// and free of charge.
    ///
    /// Errors: the system's, when it has no such range.
    pub fn new(size_bytes: usize) -> Result<Reservation, Errno> {
        let size_bytes = round_to_pages(size_bytes.max(1));
        let start = map(size_bytes, libc::PROT_NONE, libc::MAP_NORESERVE)?;
        Ok(Reservation { start, size_bytes })
    }

    /// Like [`Reservation::new`], wholly below 2 GB, so that an address in it
    /// fits a signed 32-bit operand.
    pub fn below_2_gb(size_bytes: usize) -> Result<Reservation, Errno> {
        let size_bytes = round_to_pages(size_bytes.max(1));
        let start = map(size_bytes, libc::PROT_NONE, libc::MAP_NORESERVE | libc::MAP_32BIT)?;
        Ok(Reservation { start, size_bytes })
    }

    /// The first address.
    pub fn start(&self) -> *mut u8 {
        self.start.as_ptr()
    }

    /// The size of the range.
    pub fn size_bytes(&self) -> usize {
        self.size_bytes
    }

    /// Whether an address lies in the range.
    pub fn contains(&self, address: *const u8) -> bool {
        (address as usize).wrapping_sub(self.start.as_ptr() as usize) < self.size_bytes
    }

    /// Puts readable, writable, zeroed memory behind a part of the range; the
    /// part is widened to whole pages. Memory that is there already stays.
    ///
    /// Errors: the system's (out of memory). Panics when the part leaves the range.
    pub fn commit(&self, offset_bytes: usize, size_bytes: usize) -> Result<(), Errno> {
        self.protect(offset_bytes, size_bytes, libc::PROT_READ | libc::PROT_WRITE)
    }

    /// Gives the memory behind a part back to the system; the addresses stay
    /// reserved. Only pages that lie wholly inside the part are given back.
    pub fn decommit(&self, offset_bytes: usize, size_bytes: usize) -> Result<(), Errno> {
        let (page, end) = (page_bytes(), offset_bytes + size_bytes);
        assert!(end <= self.size_bytes, "decommit outside the reservation");
        let (first, last) = (offset_bytes.div_ceil(page) * page, end / page * page);
        if first >= last {
            return Ok(());
        }
        // SAFETY: the pages are inside our own map; the caller gave them up.
        let failed = unsafe {
            let address = self.start.as_ptr().add(first).cast();
            libc::madvise(address, last - first, libc::MADV_DONTNEED) != 0
                || libc::mprotect(address, last - first, libc::PROT_NONE) != 0
        };
        if failed { Err(Errno::last()) } else { Ok(()) }
    }

    fn protect(&self, offset_bytes: usize, size_bytes: usize, bits: i32) -> Result<(), Errno> {
        let page = page_bytes();
        let first = offset_bytes / page * page;
        let last = round_to_pages(offset_bytes + size_bytes);
        assert!(last <= self.size_bytes, "commit outside the reservation");
        // SAFETY: the pages are inside our own map.
        let failed = unsafe {
            libc::mprotect(self.start.as_ptr().add(first).cast(), last - first, bits) != 0
        };
        if failed { Err(Errno::last()) } else { Ok(()) }
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        // SAFETY: the range is ours and this is its only owner.
        unsafe { libc::munmap(self.start.as_ptr().cast(), self.size_bytes) };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn committed_memory_can_be_written_and_given_back() {
        let range = Reservation::new(1 << 30).unwrap();
        range.commit(8192, 100).unwrap();
        // SAFETY: these bytes were committed above.
        unsafe { range.start().add(8192).write(7) };
        range.commit(8192, 4096).unwrap();
        // SAFETY: as above.
        assert_eq!(unsafe { range.start().add(8192).read() }, 7);
        range.decommit(8192, 4096).unwrap();
        range.commit(8192, 4096).unwrap();
        // SAFETY: as above; fresh pages are zero.
        assert_eq!(unsafe { range.start().add(8192).read() }, 0);
    }

    #[test]
    fn low_memory_is_low() {
        let range = Reservation::below_2_gb(1 << 20).unwrap();
        assert!(range.start() as usize + range.size_bytes() <= 1 << 31);
        assert!(range.contains(range.start()));
        // SAFETY: only an address is made, never read.
        assert!(!range.contains(unsafe { range.start().add(range.size_bytes()) }));
    }
}
