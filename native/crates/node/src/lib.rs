//! The binding: the only crate that knows napi. It translates, nothing else.
//!
//! Cores live in a registry of the process and are named by a number, so that worker threads share them. No callback and
//! no promise of Node.js is ever touched from the core's threads: each environment (main thread or worker) opens one
//! [`channel`](mod@channel), completions are put into it, and one weak thread-safe function rings its bell. When a worker dies
//! its channel dies with it, and completions for it are dropped.

// The macros export nothing in a test build, so nothing is called there.
#![cfg_attr(test, allow(dead_code))]

mod aead;
mod agreed;
mod agreed_services;
mod bft;
mod bft_convert;
mod channel;
mod cluster;
mod convert;
mod core;
mod error;
mod handles;
mod ids;
mod lock;
mod lsm;
mod object;
mod parent;
mod reads;
mod repair;
mod schema;
mod segment;
mod sig;
mod state;
mod tree;
mod work;
