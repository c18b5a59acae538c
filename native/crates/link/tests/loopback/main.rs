//! Links over real sockets of the loopback interface.

#![allow(clippy::unwrap_used)] // a test may stop where it stands

mod attacks;
mod liveness;
mod members;
mod support;
mod traffic;
