//! Acts: what the core decided, in a browser.

mod exports;
