//! Enumerations whose variants have a name in JavaScript.

use super::value::cut;

/// Declares one, in the order of its names. On the wire each is its number: the names themselves stand in `wire.ts`, in the
/// same order, and here for tests and tools.
macro_rules! names {
    ($(#[$doc:meta])* $name:ident { $($(#[$of:meta])* $variant:ident = $text:literal,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub enum $name { $($(#[$of])* $variant,)* }

        impl $name {
            /// So many there are.
            pub const COUNT: usize = [$($name::$variant),*].len();
        }

        #[cfg(not(target_arch = "wasm32"))]
        impl $name {
            /// All names, with a blank behind each.
            pub const NAMES: &'static str = concat!($($text, " "),*);

            /// The name, as JavaScript sees it.
            pub fn name(self) -> &'static str {
                $crate::core::names::nth(Self::NAMES, self as u8)
            }
        }
    };
}
pub(crate) use names;

/// The word with this index.
pub fn nth(mut words: &'static str, index: u8) -> &'static str {
    for _ in 0..index {
        words = cut(words, b' ').1.unwrap_or("");
    }
    cut(words, b' ').0
}

/// The place of a word among these, in whatever case; what is none of them comes behind them all.
pub fn place(words: &str, word: &str) -> usize {
    let (mut rest, mut place) = (Some(words), 0);
    while let Some(words) = rest {
        let (one, more) = cut(words, b' ');
        if one.eq_ignore_ascii_case(word) {
            break;
        }
        (rest, place) = (more, place + 1);
    }
    place
}

/// No name's place.
pub const NOWHERE: u8 = u8::MAX;

/// The place of a name among others.
pub fn position(names: &str, name: &str) -> u8 {
    let (mut rest, mut place) = (Some(names), 0);
    while let Some(names) = rest {
        let (one, more) = cut(names, b' ');
        if one == name {
            return place;
        }
        (rest, place) = (more, place + 1);
    }
    NOWHERE
}
