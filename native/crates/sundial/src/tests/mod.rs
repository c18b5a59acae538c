//! A simulated cluster: loss, delay, cuts one way and both, pauses, deaths. Same seed, same run.

mod bytes;
mod cluster;
mod net;
