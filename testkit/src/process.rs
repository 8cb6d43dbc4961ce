//! Server processes: started in a fresh directory on a free port, killed, restarted on what they left behind.
//!
//! A server belongs to the test that started it. Dropping it kills the process and removes the directory, so a failing
//! test leaves nothing running; with `GRAVEN_KEEP=1` in the environment the directory stays and its path is printed.
//!
//! `GRAVEN_BIN` replaces the program under test. If its name begins with `redis-server` the sub-command `server` is left
//! out, so that a test can be checked against Redis itself.

use std::fs::{self, File, OpenOptions};
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use crate::client::{Address, Client};
use crate::value::Value;

/// A program that is a server.
#[derive(Debug, Clone)]
pub struct Program {
    path: PathBuf,
    leading: Vec<String>,
}

impl Program {
    /// Graven at `path` (in an integration test: `env!("CARGO_BIN_EXE_graven")`), unless `GRAVEN_BIN` names another.
    pub fn graven(path: impl Into<PathBuf>) -> Program {
        let path = std::env::var_os("GRAVEN_BIN").map_or_else(|| path.into(), PathBuf::from);
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let leading = if name.starts_with("redis-server") { vec![] } else { vec!["server".to_owned()] };
        Program { path, leading }
    }

    /// The installed `redis-server`.
    pub fn redis() -> Program {
        Program { path: PathBuf::from("redis-server"), leading: vec![] }
    }

    /// A program of which a sub-command is a server that takes Redis's options.
    pub fn with_subcommand(path: impl Into<PathBuf>, subcommand: &str) -> Program {
        Program { path: path.into(), leading: vec![subcommand.to_owned()] }
    }

    /// The executable.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Whether this is Redis and not Graven, for what only one of them has.
    pub fn is_redis(&self) -> bool {
        self.leading.is_empty()
    }
}

/// How to start a server.
#[derive(Debug, Clone)]
pub struct Builder {
    program: Program,
    options: Vec<(String, String)>,
    config: String,
    environment: Vec<(String, String)>,
    data: Option<PathBuf>,
    listen_tcp: bool,
    unix_socket: bool,
    password: Option<String>,
    ready_within: Duration,
    wrapper: Vec<String>,
}

/// A running (or killed) server and its directory.
#[derive(Debug)]
pub struct Server {
    builder: Builder,
    child: Option<Child>,
    port: u16,
    data: PathBuf,
    root: Option<tempfile::TempDir>,
}

impl Builder {
    /// `--name value` on the command line.
    pub fn option(mut self, name: &str, value: impl ToString) -> Builder {
        self.options.push((name.to_owned(), value.to_string()));
        self
    }

    /// A line of the configuration file, which exists only if there is one.
    pub fn config(mut self, line: &str) -> Builder {
        self.config.push_str(line);
        self.config.push('\n');
        self
    }

    /// An environment variable of the process.
    pub fn env(mut self, name: &str, value: impl ToString) -> Builder {
        self.environment.push((name.to_owned(), value.to_string()));
        self
    }

    /// Uses this directory for the data instead of a fresh one, and does not remove it.
    pub fn data(mut self, path: impl Into<PathBuf>) -> Builder {
        self.data = Some(path.into());
        self
    }

    /// The password with which the harness itself asks whether the server is ready.
    pub fn password(mut self, password: &str) -> Builder {
        self.password = Some(password.to_owned());
        self
    }

    /// Starts with `--port 0`: readiness is then asked on the unix socket, which the caller must configure as
    /// [`Builder::option`] `unixsocket`.
    pub fn without_tcp(mut self) -> Builder {
        self.listen_tcp = false;
        self
    }

    /// Listens on a unix socket of its own too, [`Server::unix_socket`].
    pub fn with_unix_socket(mut self) -> Builder {
        self.unix_socket = true;
        self
    }

    /// How long the server may take until it answers `PING` (a minute by default).
    pub fn ready_within(mut self, wait: Duration) -> Builder {
        self.ready_within = wait;
        self
    }

    /// Starts the program through another one that replaces itself by it, as `taskset -c 0`.
    pub fn wrapped(mut self, wrapper: &[&str]) -> Builder {
        self.wrapper = wrapper.iter().map(|&word| word.to_owned()).collect();
        self
    }

    /// Starts the server and waits until it serves.
    pub fn start(self) -> Result<Server> {
        let mut server = self.prepare()?;
        server.start()?;
        Ok(server)
    }

    /// Everything but the process: [`Server::start`] or [`Server::run_to_exit`] comes next.
    pub fn prepare(self) -> Result<Server> {
        let root = tempfile::Builder::new().prefix("graven-test-").tempdir()?;
        let data = self.data.clone().unwrap_or_else(|| root.path().join("data"));
        fs::create_dir_all(&data)?;
        let port = if self.listen_tcp { crate::ports::free_port() } else { 0 };
        Ok(Server { builder: self, child: None, port, data, root: Some(root) })
    }
}

impl Server {
    /// A server that logs into its own directory and saves no snapshots; everything else as the program has it.
    pub fn builder(program: &Program) -> Builder {
        let builder = Builder {
            program: program.clone(),
            options: vec![],
            config: String::new(),
            environment: vec![],
            data: None,
            listen_tcp: true,
            unix_socket: false,
            password: None,
            ready_within: Duration::from_secs(60),
            wrapper: vec![],
        };
        builder.option("save", "").option("appendonly", "yes")
    }

    /// Starts the process on the present directory and waits until it serves.
    pub fn start(&mut self) -> Result<()> {
        self.spawn()?;
        self.wait_ready()
    }

    /// Starts the process without waiting for it.
    pub fn spawn(&mut self) -> Result<()> {
        assert!(self.child.is_none(), "a server that runs is not started again");
        let log = OpenOptions::new().create(true).append(true).open(self.log_path())?;
        self.child = Some(self.command(log)?.spawn().with_context(|| format!("starting {:?}", self.builder.program.path))?);
        Ok(())
    }

    /// Runs the process to its end, for starts that must fail; its output is in [`Server::log`].
    pub fn run_to_exit(&mut self, within: Duration) -> Result<ExitStatus> {
        self.spawn()?;
        self.wait_exit(within)
    }

    fn command(&self, log: File) -> Result<Command> {
        let mut command = match self.builder.wrapper.split_first() {
            None => Command::new(&self.builder.program.path),
            Some((wrapper, args)) => {
                let mut command = Command::new(wrapper);
                command.args(args).arg(&self.builder.program.path);
                command
            }
        };
        command.args(&self.builder.program.leading);
        if !self.builder.config.is_empty() {
            let path = self.root().join("test.conf");
            if !path.exists() {
                fs::write(&path, &self.builder.config)?;
            }
            command.arg(path);
        }
        command.arg("--port").arg(self.port.to_string()).arg("--dir").arg(&self.data);
        if self.builder.unix_socket {
            command.arg("--unixsocket").arg(self.unix_socket());
        }
        for (name, value) in &self.builder.options {
            command.arg(format!("--{name}")).arg(value);
        }
        command.envs(self.builder.environment.iter().map(|(name, value)| (name, value)));
        command.current_dir(&self.data).stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log);
        Ok(command)
    }

    /// Waits until the server answers `PING` with `PONG`; `-LOADING` is waited out.
    pub fn wait_ready(&mut self) -> Result<()> {
        let start = Instant::now();
        loop {
            if let Some(status) = self.child.as_mut().context("the server was not started")?.try_wait()? {
                self.child = None;
                bail!("the server ended with {status} before it served; its log:\n{}", self.log());
            }
            if self.answers_ping() {
                return Ok(());
            }
            if start.elapsed() > self.builder.ready_within {
                bail!("the server does not serve after {:?}; its log:\n{}", start.elapsed(), self.log());
            }
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    fn answers_ping(&self) -> bool {
        let Ok(mut client) = Client::connect(&self.address()) else { return false };
        let _ = client.set_read_timeout(Some(Duration::from_secs(10)));
        if let Some(password) = &self.builder.password
            && !client.cmd(&["AUTH", password]).is_ok_and(|reply| reply.is_ok())
        {
            return false;
        }
        matches!(client.cmd(&["PING"]), Ok(Value::Simple(text)) if text == b"PONG")
    }

    /// Where clients connect.
    pub fn address(&self) -> Address {
        let unix = self.builder.options.iter().find(|(name, _)| name == "unixsocket" && self.port == 0);
        match unix {
            Some((_, path)) => Address::Unix(path.into()),
            None => Address::Port(self.port),
        }
    }

    /// A new connection.
    pub fn client(&self) -> Client {
        match Client::connect(&self.address()) {
            Ok(client) => client,
            Err(error) => panic!("connecting to {:?}: {error}; the server's log:\n{}", self.address(), self.log()),
        }
    }

    /// The TCP port.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The socket of a server that was built [`Builder::with_unix_socket`].
    pub fn unix_socket(&self) -> PathBuf {
        assert!(self.builder.unix_socket, "the server listens on no unix socket");
        self.root().join("socket")
    }

    /// The data directory (the one that holds `appendonlydir`).
    pub fn data(&self) -> &Path {
        &self.data
    }

    /// The directory of the log's files, with Redis's default name.
    pub fn append_dir(&self) -> PathBuf {
        self.data.join("appendonlydir")
    }

    fn root(&self) -> &Path {
        self.root.as_ref().expect("the root directory lives as long as the server").path()
    }

    /// The configuration file, if there were configuration lines.
    pub fn config_path(&self) -> PathBuf {
        self.root().join("test.conf")
    }

    /// Everything that all runs of this server printed so far.
    pub fn log(&self) -> String {
        fs::read(self.log_path()).map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default()
    }

    fn log_path(&self) -> PathBuf {
        self.root().join("log")
    }

    /// Waits until the log contains `text`.
    pub fn wait_log(&self, text: &str, within: Duration) -> Result<()> {
        let start = Instant::now();
        while !self.log().contains(text) {
            if start.elapsed() > within {
                bail!("the log does not say {text:?} after {within:?}:\n{}", self.log());
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        Ok(())
    }

    /// Changes an option of the next start; an option given twice has its last value.
    pub fn set_option(&mut self, name: &str, value: impl ToString) {
        self.builder.options.retain(|(known, _)| known != name);
        self.builder.options.push((name.to_owned(), value.to_string()));
    }

    /// Kills the process with SIGKILL, as a crash would end it.
    pub fn kill9(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }

    /// `kill -9` and a new start on the same directory and port.
    pub fn crash_and_restart(&mut self) -> Result<()> {
        self.kill9();
        self.start()
    }

    /// Ends the process with SIGTERM and waits for it.
    pub fn stop(&mut self) -> Result<ExitStatus> {
        self.signal(rustix::process::Signal::TERM)?;
        self.wait_exit(Duration::from_secs(30))
    }

    /// Sends a signal.
    pub fn signal(&self, signal: rustix::process::Signal) -> Result<()> {
        let pid = rustix::process::Pid::from_raw(self.pid() as i32).context("the process id is not 0")?;
        Ok(rustix::process::kill_process(pid, signal)?)
    }

    /// Waits for the process to end by itself.
    pub fn wait_exit(&mut self, within: Duration) -> Result<ExitStatus> {
        let start = Instant::now();
        loop {
            if let Some(status) = self.child.as_mut().context("the server does not run")?.try_wait()? {
                self.child = None;
                return Ok(status);
            }
            if start.elapsed() > within {
                bail!("the server still runs after {within:?}; its log:\n{}", self.log());
            }
            std::thread::sleep(Duration::from_millis(2));
        }
    }

    /// Whether the process lives.
    pub fn is_running(&mut self) -> bool {
        self.child.as_mut().is_some_and(|child| matches!(child.try_wait(), Ok(None)))
    }

    /// The process id.
    pub fn pid(&self) -> u32 {
        self.child.as_ref().expect("the server runs").id()
    }

    /// Resident memory in bytes.
    pub fn resident_bytes(&self) -> u64 {
        self.status_bytes("VmRSS:")
    }

    /// The most that it was so far.
    pub fn peak_resident_bytes(&self) -> u64 {
        self.status_bytes("VmHWM:")
    }

    /// The part of it that is no file's: data, and not the program.
    pub fn anonymous_bytes(&self) -> u64 {
        self.status_bytes("RssAnon:")
    }

    fn status_bytes(&self, field: &str) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.pid())).unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix(field)).unwrap_or("0");
        line.trim().trim_end_matches(" kB").parse::<u64>().unwrap_or(0) * 1024
    }

    /// Processor time of the process so far, all threads, user and system.
    pub fn cpu_seconds(&self) -> f64 {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.pid())).unwrap_or_default();
        // The name in parentheses may contain blanks; the fields behind it are counted.
        let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
        let ticks = |n: usize| fields.get(n).and_then(|field| field.parse::<f64>().ok()).unwrap_or(0.0);
        (ticks(11) + ticks(12)) / rustix::param::clock_ticks_per_second() as f64
    }

    /// The fields of `INFO section`, as text.
    pub fn info(&self, section: &str) -> std::collections::BTreeMap<String, String> {
        let reply = self.client().call(&["INFO", section]).text();
        let fields = reply.lines().filter_map(|line| line.split_once(':'));
        fields.map(|(name, value)| (name.to_owned(), value.trim_end().to_owned())).collect()
    }

    /// One field of `INFO section`; a missing field is a failure.
    pub fn info_field(&self, section: &str, field: &str) -> String {
        self.info(section).remove(field).unwrap_or_else(|| panic!("INFO {section} has no field {field}"))
    }

    /// Copies the data directory, for a second server to load.
    pub fn copy_data(&self, target: &Path) -> Result<()> {
        copy_dir(&self.data, target)
    }
}

/// Whether a process was ended by a signal it could not survive (a crash, not an exit).
pub fn crashed(status: ExitStatus) -> bool {
    status.signal().is_some()
}

/// Copies a directory with everything in it.
pub fn copy_dir(source: &Path, target: &Path) -> Result<()> {
    fs::create_dir_all(target)?;
    for entry in fs::read_dir(source)? {
        let entry = entry?;
        let to = target.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy_dir(&entry.path(), &to)?;
        } else if entry.file_type()?.is_file() {
            fs::copy(entry.path(), to)?;
        }
    }
    Ok(())
}

impl Drop for Server {
    fn drop(&mut self) {
        self.kill9();
        if std::env::var_os("GRAVEN_KEEP").is_some()
            && let Some(root) = self.root.take()
        {
            eprintln!("kept: {}", root.keep().display());
        }
    }
}
