//! Arrow schemas with ids, and rules for how they may change (docs/spec/schemas.md).
//!
//! ```no_run
//! # fn main() -> Result<(), pyralog_schema::SchemaError> {
//! # let (stream, batch) = (vec![], vec![]);
//! use std::sync::Arc;
//! use pyralog_schema::{Rule, SchemaRegistry};
//! let registry = SchemaRegistry::open(Arc::new(pyralog_log::RealFiles), "schemas".as_ref())?;
//! registry.set_rule("orders", Rule::Full)?;
//! let id = registry.register("orders", &stream)?;
//! let rows = registry.check_stream(id, &batch)?; // refuses a batch that does not fit
//! # Ok(())
//! # }
//! ```

mod codec;
mod compatible;
mod error;
mod fit;
mod registry;
mod stream;

pub use compatible::{Problem, Rule, can_read};
pub use error::SchemaError;
pub use fit::check_batch;
pub use registry::{SchemaRegistry, SchemaStats, Subject};
pub use stream::{batches_of, schema_of, stream_of};

#[cfg(test)]
mod tests;
