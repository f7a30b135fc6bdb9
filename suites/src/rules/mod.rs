//! The rules, one file per area, and their explicit registry.

#[cfg(test)]
mod story;
