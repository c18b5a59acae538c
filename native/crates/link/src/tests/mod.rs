//! Tests that need to see inside: handshakes, frames, queues and the detector without sockets, each with its mutants.

mod detector;
mod ends;
mod frames;
