//! The binding: the only crate that knows napi.
