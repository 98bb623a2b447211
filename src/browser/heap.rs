//! Where the module's memory comes from: blocks of powers of two, each kind with a list of those that are free.
//!
//! A fifth of talc's code. A block is never cut or joined, so what comes and goes for days leaves the memory as it was:
//! it is never larger than the most that was ever in use at once of each kind, together.

use std::alloc::{GlobalAlloc, Layout};
use std::cell::UnsafeCell;
use std::ptr::null_mut;

/// A memory that only grows, at its end.
pub trait Memory {
    /// The address behind its last byte.
    fn end(&self) -> usize;
    /// Makes it longer by so many bytes or more; or does nothing.
    fn grow(&self, bytes: usize);
}

/// The heap, from an address that is a multiple of 8 to the memory's end.
pub struct Heap<M>(M, UnsafeCell<Blocks>);

struct Blocks {
    /// For each power of two the first free block; a free block begins with the place of the next.
    free: [*mut u8; usize::BITS as usize],
    /// Nothing from here on was given away yet.
    top: *mut u8,
}

// SAFETY: the module has one thread; the tests give no heap to two.
unsafe impl<M> Sync for Heap<M> {}

impl<M> Heap<M> {
    /// # Safety
    /// All memory from `start` on is the heap's alone.
    pub const unsafe fn new(memory: M, start: *mut u8) -> Self {
        Self(memory, UnsafeCell::new(Blocks { free: [null_mut(); _], top: start }))
    }
}

/// The power of two that holds so many bytes, and at least a pointer.
fn power(layout: Layout) -> usize {
    ((layout.size() - 1) | 7).ilog2() as usize + 1
}

// SAFETY: a block is in one list or in one hand, and blocks are cut from the top without overlap. Each is as large as was
// asked for or larger, and a multiple of 8 bytes from a multiple of 8.
unsafe impl<M: Memory> GlobalAlloc for Heap<M> {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let Self(memory, blocks) = self;
        if layout.align() > 8 {
            return null_mut();
        }
        let power = power(layout);
        // SAFETY: nothing else refers to the blocks meanwhile; a free block begins with a pointer.
        unsafe {
            let blocks = &mut *blocks.get();
            let free = &mut blocks.free[power];
            let block = *free;
            if !block.is_null() {
                *free = *block.cast();
                return block;
            }
            let block = blocks.top;
            let size = 1 << power;
            // Of 4 GiB the end is 0.
            let lacks = || memory.end().wrapping_sub(block.addr()) < size;
            if lacks() {
                memory.grow(size);
                if lacks() {
                    return null_mut();
                }
            }
            blocks.top = block.wrapping_add(size);
            block
        }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        // SAFETY: as above; the block is not used any more.
        unsafe {
            let free = &mut (*self.1.get()).free[power(layout)];
            *block.cast() = *free;
            *free = block;
        }
    }
}
