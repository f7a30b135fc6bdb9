//! How many events per second all rules together judge, indexing included.

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use engine::{CancellationToken, Candidate, Plan, Time};
use history::{History, Ledger};
use std::hint::black_box;

/// The allocator of the command.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// The histories of a whole certification, recorded in virtual time.
fn histories() -> Vec<History> {
    let plan = Plan {
        keep_histories: true,
        time: Time::Virtual { seed: 1 },
        jobs: 2,
        ..suites::plan(Candidate::reference())
    };
    let run = engine::run(&plan, &CancellationToken::new(), &|_| {}).expect("the run");
    run.performed
        .into_iter()
        .filter_map(|performed| performed.recorded?.history)
        .collect()
}

fn judging(criterion: &mut Criterion) {
    let histories = histories();
    let rules = suites::rules::all();
    let events: usize = histories.iter().map(History::len).sum();
    let mut group = criterion.benchmark_group("judging");
    group
        .throughput(Throughput::Elements(events as u64))
        .sample_size(20);
    group.bench_function("a whole certification, all rules", |bencher| {
        bencher.iter(|| {
            for history in &histories {
                let ledger = Ledger::build(history);
                black_box(judging::judge_all(&rules, &ledger));
            }
        });
    });
    group.finish();
}

criterion_group!(benches, judging);
criterion_main!(benches);
