//! Tests of the parts, on a cluster whose disks and links do what they should.

mod cluster;
mod thin;
