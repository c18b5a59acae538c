//! Tests of the parts, on a cluster whose disks and links do what they should.

mod checks;
mod cluster;
mod members;
mod thin;
