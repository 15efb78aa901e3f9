//! `aws-sim`: a simulated AWS on 127.0.0.1, for people and for tests.

use aws_sim::keep::Kept;
use aws_sim::server::{Serving, Speed, serve};
use aws_sim::world::{Settings, World};
use std::path::PathBuf;
use std::process::ExitCode;

const USAGE: &str = "\
aws-sim: a simulated AWS on 127.0.0.1

  --port N              where the AWS APIs listen (default: 4566; 0: any free port)
  --seed N              which of all possible worlds (default: 1)
  --keep FILE           keep the world in a file: it survives this process
  --speed HOW           instant, real, or a factor such as 100 (default: 100)
  --region NAME         a region whose container registry gets a port (repeatable)
  --read-lag SECONDS    how long reads may lag writes (default: 3)
  --check-signatures    refuse requests whose signature is wrong
  --check-dates         and requests whose date is not the world's
  --odd-statuses P      how likely a read shows a status that no client knows (default: 0.001)
  --no-throttle         no token buckets

Prints one line of JSON with the addresses when it is ready. The sandbox's own endpoints are under /_sandbox/.
";

struct Options {
    port: u16,
    seed: u64,
    keep: Option<PathBuf>,
    speed: Speed,
    regions: Vec<String>,
    settings: Settings,
}

fn options() -> Result<Option<Options>, String> {
    let mut options = Options {
        port: 4566,
        seed: 1,
        keep: None,
        speed: Speed::Fast { factor: 100.0 },
        regions: Vec::new(),
        settings: Settings {
            check_dates: false,
            ..Settings::default()
        },
    };
    let mut arguments = std::env::args().skip(1);
    while let Some(name) = arguments.next() {
        let mut value = || {
            arguments
                .next()
                .ok_or_else(|| format!("{name} needs a value"))
        };
        match name.as_str() {
            "--help" | "-h" => return Ok(None),
            "--port" => options.port = number(&name, &value()?)?,
            "--seed" => options.seed = number(&name, &value()?)?,
            "--keep" => options.keep = Some(PathBuf::from(value()?)),
            "--speed" => {
                options.speed = match value()?.as_str() {
                    "instant" => Speed::Instant,
                    "real" => Speed::Real,
                    factor => Speed::Fast {
                        factor: number(&name, factor)?,
                    },
                }
            }
            "--region" => options.regions.push(value()?),
            "--read-lag" => {
                let seconds: f64 = number(&name, &value()?)?;
                options.settings.read_lag = (seconds.max(0.0) * 1e9) as u64;
            }
            "--check-signatures" => options.settings.check_signatures = true,
            "--check-dates" => options.settings.check_dates = true,
            "--odd-statuses" => options.settings.odd_statuses = number(&name, &value()?)?,
            "--no-throttle" => options.settings.throttle = false,
            other => return Err(format!("unknown option {other}")),
        }
    }
    if options.regions.is_empty() {
        options.regions = ["us-east-1", "us-west-2", "eu-west-1", "eu-central-1"]
            .map(String::from)
            .to_vec();
    }
    Ok(Some(options))
}

fn number<T: std::str::FromStr>(name: &str, text: &str) -> Result<T, String> {
    text.parse()
        .map_err(|_| format!("{name}: {text} is not a number"))
}

async fn stop() {
    let mut terminate =
        match tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()) {
            Ok(terminate) => terminate,
            Err(_) => return std::future::pending().await,
        };
    tokio::select! {
        biased;
        _ = terminate.recv() => {}
        _ = tokio::signal::ctrl_c() => {}
    }
}

fn run(options: Options) -> Result<(), Box<dyn std::error::Error>> {
    let world = match &options.keep {
        Some(path) => Kept::open(path, options.seed, options.settings)?,
        None => {
            let mut world = World::new(options.seed);
            world.settings = options.settings;
            Kept::in_memory(world)
        }
    };
    let serving = Serving {
        world,
        speed: options.speed,
        port: options.port,
        regions: options.regions,
        stand: None,
        opened: Box::new(|front| {
            println!("{}", serde_json::to_string(front).unwrap_or_default());
        }),
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(serve(
        serving,
        |addresses| println!("{}", serde_json::to_string(addresses).unwrap_or_default()),
        stop(),
    ))?;
    Ok(())
}

fn main() -> ExitCode {
    let options = match options() {
        Ok(Some(options)) => options,
        Ok(None) => {
            print!("{USAGE}");
            return ExitCode::SUCCESS;
        }
        Err(message) => {
            eprintln!("{message}\n\n{USAGE}");
            return ExitCode::from(2);
        }
    };
    if let Err(error) = run(options) {
        eprintln!("aws-sim: {error}");
        let mut cause = error.source();
        while let Some(inner) = cause {
            eprintln!("  because: {inner}");
            cause = inner.source();
        }
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}
