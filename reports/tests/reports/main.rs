//! The report of hand-made runs, and the stories of recorded ones.

mod built;
mod rendered;
mod sample;
