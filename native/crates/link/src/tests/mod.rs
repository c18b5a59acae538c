//! Tests that need to see inside: handshakes, frames, queues and the detector without sockets, each with its mutants.

mod attacks;
mod detector;
mod ends;
mod frames;
mod handshakes;
mod queues;
