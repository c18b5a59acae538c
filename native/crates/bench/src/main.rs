//! Native floors and figures for `npm run bench`.
fn main() {}
