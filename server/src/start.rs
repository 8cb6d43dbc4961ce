//! From a command line to a running server.

use crate::config::Config;
use crate::listener::Listener;
use crate::logging::{self, Role, log};
use crate::server::{Server, ServerError};

/// Runs a server until it is told to stop. `args`: a configuration file (`-`: standard input) if the first is
/// no option, then `--option value …`. Why it failed has been told when this returns.
pub fn start(args: Vec<String>) -> Result<(), ServerError> {
    let result = try_start(args);
    match &result {
        Ok(()) => {}
        // There is no log yet that this could go to.
        Err(ServerError::Config(e)) => eprintln!("{e}"),
        Err(ServerError::Listen(e, what)) => {
            log!(Warning, "{e}");
            log!(Warning, "Failed listening on port {what}, aborting.");
        }
        Err(e) => log!(Warning, "{e}"),
    }
    result
}

fn try_start(args: Vec<String>) -> Result<(), ServerError> {
    let (file, overrides) = match args.split_first() {
        Some((first, rest)) if !first.starts_with("--") => (Some(first.clone()), rest.to_vec()),
        _ => (None, args),
    };
    let config = Config::load(file.as_deref(), &overrides)?;
    logging::init(&config).map_err(ServerError::system("Can't open the log file"))?;
    std::env::set_current_dir(&config.dir).map_err(ServerError::system(format!("Can't chdir to '{}'", config.dir.display())))?;
    if config.get_one("disable-thp").as_deref() == Some("yes")
        && let Err(e) = rustix::thread::disable_transparent_huge_pages(true)
    {
        log!(Warning, "Can't turn off transparent huge pages for this process ({e}): memory use may be higher");
    }
    log!(Notice, "oO0OoO0OoO0Oo Graven is starting oO0OoO0OoO0Oo");
    log!(
        Notice,
        "Graven version={}, Redis compatibility={}, pid={}, just started",
        crate::VERSION,
        crate::REDIS_VERSION,
        std::process::id()
    );
    match &file {
        None if overrides.is_empty() => {
            log!(Notice, "No configuration given: using the defaults ('graven server /path/to/redis.conf' names a file)");
        }
        _ => log!(Notice, "Configuration loaded"),
    }
    let without_effect = config.without_effect();
    if !without_effect.is_empty() {
        log!(Warning, "These parameters are accepted but have no effect in this version: {}", without_effect.join(", "));
    }
    serve(config)
}

fn serve(config: Config) -> Result<(), ServerError> {
    let mut server = Server::new(config)?;
    logging::set_role(Role::Master);
    log!(Notice, "Server initialized");
    if server.load()? {
        return Ok(());
    }
    let config = &server.outside.config;
    if server.outside.listeners.iter().any(|listener| matches!(listener, Listener::Tcp(..))) {
        log!(Notice, "Ready to accept connections tcp");
    }
    if !config.unixsocket.is_empty() {
        log!(Notice, "Ready to accept connections unix");
    }
    server.run()
}
