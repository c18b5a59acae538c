//! The threads that own a store: one queue in, group commits, signed checkpoints out.
