//! The module's heap, in a memory of the test's: blocks do not overlap, and days of work do not make it larger.

#[path = "../src/browser/heap.rs"]
mod heap;

use std::alloc::{GlobalAlloc, Layout};
use std::cell::Cell;

use heap::{Heap, Memory};

const PAGE: usize = 1 << 16;

/// At most 64 MiB, of which a part is there.
struct Pages {
    bytes: Box<[u64]>,
    /// How many bytes are there.
    there: Cell<usize>,
}

impl Pages {
    fn start(&self) -> usize {
        self.bytes.as_ptr().addr()
    }
}

impl Memory for &Pages {
    fn end(&self) -> usize {
        self.start() + self.there.get()
    }

    fn grow(&self, bytes: usize) {
        let there = self.there.get() + (bytes / PAGE + 1) * PAGE;
        if there <= self.bytes.len() * 8 {
            self.there.set(there);
        }
    }
}

/// Has `f` play with a heap; gives how many bytes of memory it took.
fn play(f: impl FnOnce(&Heap<&Pages>, &Pages)) -> usize {
    let mut pages = Pages { bytes: vec![0; (64 << 20) / 8].into_boxed_slice(), there: Cell::new(0) };
    let start = pages.bytes.as_mut_ptr().cast();
    let pages = pages;
    // SAFETY: nobody else touches the bytes.
    let heap = unsafe { Heap::new(&pages, start) };
    f(&heap, &pages);
    pages.there.get()
}

/// Numbers by chance, from a seed.
struct Chance(u64);

impl Chance {
    fn below(&mut self, n: usize) -> usize {
        self.0 = self.0.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        ((self.0 >> 33) as usize) % n
    }

    /// A size: mostly small, now and then up to a MiB.
    fn size(&mut self) -> usize {
        let powers = if self.below(50) == 0 { 21 } else { 10 };
        let most = 1 << self.below(powers);
        1 + self.below(most)
    }
}

/// A block and what it is filled with.
struct Block(*mut u8, Layout, u8);

impl Block {
    fn new(heap: &impl GlobalAlloc, size: usize, align: usize, mark: u8) -> Option<Block> {
        let layout = Layout::from_size_align(size, align).unwrap();
        // SAFETY: not of no size; it is as long as it says.
        unsafe {
            let at = heap.alloc(layout);
            (!at.is_null()).then(|| {
                assert_eq!(at.addr() % align, 0);
                at.write_bytes(mark, size);
                Block(at, layout, mark)
            })
        }
    }

    fn check(&self) {
        // SAFETY: it was filled whole.
        let bytes = unsafe { std::slice::from_raw_parts(self.0, self.1.size()) };
        assert!(self.fills(bytes), "somebody else wrote here");
    }

    /// Whether these bytes are all as its own; quick without optimizations.
    fn fills(&self, bytes: &[u8]) -> bool {
        bytes[0] == self.2 && bytes[1..] == bytes[..bytes.len() - 1]
    }

    fn resize(&mut self, heap: &impl GlobalAlloc, size: usize) {
        self.check();
        // SAFETY: the block is its own, and is not of no size.
        unsafe {
            self.0 = heap.realloc(self.0, self.1, size);
            let kept = std::slice::from_raw_parts(self.0, size.min(self.1.size()));
            assert!(self.fills(kept));
            self.0.write_bytes(self.2, size);
        }
        self.1 = Layout::from_size_align(size, self.1.align()).unwrap();
    }

    fn free(self, heap: &impl GlobalAlloc) {
        self.check();
        // SAFETY: it came from there, with this layout.
        unsafe { heap.dealloc(self.0, self.1) };
    }
}

#[test]
fn blocks_are_whole_and_do_not_overlap() {
    for seed in 0..20 {
        let mut chance = Chance(seed);
        let mut most = 0;
        let took = play(|heap, pages| {
            let mut blocks: Vec<Block> = Vec::new();
            for step in 0..4000 {
                match chance.below(5) {
                    0 | 1 if !blocks.is_empty() => blocks.swap_remove(chance.below(blocks.len())).free(heap),
                    2 if !blocks.is_empty() => {
                        let (at, size) = (chance.below(blocks.len()), chance.size());
                        blocks[at].resize(heap, size);
                    }
                    _ => blocks
                        .push(Block::new(heap, chance.size(), 1 << chance.below(4), step as u8).unwrap()),
                }
                most = most.max(blocks.iter().map(|block| block.1.size()).sum());
            }
            for block in &blocks {
                assert!(block.0.addr() >= pages.start() && block.0.addr() + block.1.size() <= pages.end());
            }
            blocks.into_iter().for_each(|block| block.free(heap));
        });
        assert!(took < 5 * most, "{took} bytes for {most}, seed {seed}");
    }
}

/// A poll: a text comes in, a tree and a list grow, a text goes out, something is kept till the next.
#[test]
fn after_days_of_polls_it_is_as_large_as_after_the_first() {
    let polls = |days: usize| {
        play(|heap, _| {
            let mut chance = Chance(days as u64);
            let mut kept = Block::new(heap, 1 << 20, 1, 1).unwrap();
            for poll in 0..days * 100 {
                // The first is the largest: no later one needs more of anything.
                let part =
                    |chance: &mut Chance, most: usize| if poll == 0 { most } else { 1 + chance.below(most) };
                let text = Block::new(heap, part(&mut chance, 1 << 20), 1, 2).unwrap();
                let mut list = Block::new(heap, 96, 8, 3).unwrap();
                let until = part(&mut chance, 1 << 20);
                while list.1.size() < until {
                    let size = list.1.size() * 2;
                    list.resize(heap, size);
                }
                let nodes: Vec<Block> = (0..part(&mut chance, 500))
                    .map(|i| {
                        Block::new(heap, if poll == 0 { 32 } else { 17 + chance.below(16) }, 8, i as u8)
                            .unwrap()
                    })
                    .collect();
                let old = std::mem::replace(&mut kept, text);
                old.free(heap);
                nodes.into_iter().for_each(|node| node.free(heap));
                list.free(heap);
            }
        })
    };
    assert_eq!(polls(5), polls(1));
}

#[test]
fn what_is_not_there_is_refused_and_the_rest_goes_on() {
    play(|heap, _| {
        assert!(Block::new(heap, 65 << 20, 1, 1).is_none());
        assert!(Block::new(heap, 1, 16, 1).is_none(), "no block is aligned to more than 8");
        let small = Block::new(heap, 100, 8, 2).unwrap();
        assert!(Block::new(heap, 64 << 20, 1, 1).is_none());
        let other = Block::new(heap, 100, 8, 3).unwrap();
        small.free(heap);
        other.free(heap);
    });
}
