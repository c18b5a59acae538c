//! A whole network in one process, and everything a peer can do to it.

mod agreement;
mod commit;
mod net;
mod replay;
mod validators;
mod vectors;
mod wire;
