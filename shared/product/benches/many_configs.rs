//! 10,000 configs in one process: all cores used, memory flat.
//!
//! Prints wall time, configs a second, the cores kept busy, and the resident memory after a tenth and at the end.

#![expect(clippy::unwrap_used, clippy::cast_precision_loss, reason = "a test may stop at the first surprise")]

use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Instant;

use mlp_product::actions::{self, Suite};
use mlp_template::security::Rules;

const CONFIGS: usize = 10_000;

/// As in what is deployed.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() {
    // `cargo test --benches` runs every bench binary once; this one has nothing to say then.
    if std::env::args().any(|argument| argument == "--test") {
        return;
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let example = "configs/examples/enterprise/globalbank-prod-c001-us-west-2-demand-forecasting-ml-codecommit-standalone-ssm.yaml";
    let text = std::fs::read_to_string(root.join(example)).unwrap();
    let threads = thread::available_parallelism().map_or(1, usize::from);
    let (next, bytes, early) = (AtomicUsize::new(0), AtomicUsize::new(0), AtomicUsize::new(0));
    let (started, cpu) = (Instant::now(), cpu_seconds());
    thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                loop {
                    let index = next.fetch_add(1, Ordering::Relaxed);
                    if index >= CONFIGS {
                        return;
                    }
                    if index == CONFIGS / 10 {
                        early.store(resident_kib(), Ordering::Relaxed);
                    }
                    // Every one is another product.
                    let config = text.replace("tenant_id: c001", &format!("tenant_id: c{index:05}"));
                    let made =
                        actions::create_prov_template(config.as_bytes(), &Suite::default(), &Rules::none())
                            .unwrap();
                    assert!(made.outcome.ok);
                    bytes.fetch_add(made.files.iter().map(|file| file.text.len()).sum(), Ordering::Relaxed);
                }
            });
        }
    });
    let wall = started.elapsed().as_secs_f64();
    println!("configs            {CONFIGS}");
    println!("threads            {threads}");
    println!("wall time          {wall:.2} s");
    println!("configs a second   {:.0}", CONFIGS as f64 / wall);
    println!("cores kept busy    {:.2}", (cpu_seconds() - cpu) / wall);
    println!("template bytes     {}", bytes.into_inner());
    println!("resident at 10 %   {} KiB", early.into_inner());
    println!("resident at end    {} KiB", resident_kib());
}

fn resident_kib() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap_or_default();
    line.split_whitespace().nth(1).and_then(|kib| kib.parse().ok()).unwrap_or(0)
}

/// User and system time of all threads; Linux counts in hundredths of a second.
fn cpu_seconds() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields: Vec<f64> = stat
        .rsplit_once(')')
        .map(|(_, rest)| rest.split_whitespace().map(|field| field.parse().unwrap_or(0.0)).collect())
        .unwrap_or_default();
    (fields.get(11).unwrap_or(&0.0) + fields.get(12).unwrap_or(&0.0)) / 100.0
}
