//! `user` lines: what an access control list says, as far as there is one here.
//!
//! Redis appends such a line with every `CONFIG REWRITE`, whether there is a list or not:
//!
//! ```text
//! user default on nopass ~* &* +@all
//! user default on #c8687a08aa5d6ed2044328fa6a697ab8e96dc34291e8c2034ae8c38e6fcc6d65 ~* &* +@all
//! ```
//!
//! Here is one user, who may do everything, and whose password is that of `requirepass`. A line that says just that is accepted, any
//! other refused. `CONFIG REWRITE` writes it anew, since a hash of an old password would lock everybody out of a Redis
//! that goes on with the file.
//!
//! The rules: <https://redis.io/docs/latest/operate/oss_and_stack/management/security/acl/>

use sha2::{Digest, Sha256};

/// What else could be done about a line that is refused.
const REMEDY: &str = "access control lists are not available yet: remove the line and use 'requirepass'";

/// What a line says of the password of the default user, who may do everything.
#[derive(Debug)]
pub(super) struct DefaultUser {
    is_open: bool,
    secrets: Vec<Secret>,
}

#[derive(Debug)]
enum Secret {
    Plain(String),
    /// The password's SHA-256, in hexadecimal.
    Hash(String),
}

impl DefaultUser {
    /// Reads what follows the word `user`. As in Redis the user begins with nothing, and a rule wins over those before it.
    pub(super) fn parse(args: &[&str]) -> Result<Self, String> {
        let ["default", rules @ ..] = args else { return Err(format!("there are no users but 'default': {REMEDY}")) };
        let (mut is_on, mut has_keys, mut has_channels, mut has_commands) = (false, false, false, false);
        let mut user = DefaultUser { is_open: false, secrets: Vec::new() };
        for rule in rules {
            match rule.to_ascii_lowercase().as_str() {
                "on" => is_on = true,
                "off" => is_on = false,
                "nopass" => user = DefaultUser { is_open: true, secrets: Vec::new() },
                "resetpass" => user = DefaultUser { is_open: false, secrets: Vec::new() },
                "~*" | "allkeys" => has_keys = true,
                "resetkeys" => has_keys = false,
                "&*" | "allchannels" => has_channels = true,
                "resetchannels" => has_channels = false,
                "+@all" | "allcommands" => has_commands = true,
                // They always are.
                "sanitize-payload" => {}
                _ => user.add(secret(rule)?),
            }
        }
        let wanted = [(is_on, "on"), (has_keys, "~*"), (has_channels, "&*"), (has_commands, "+@all")];
        match wanted.iter().find(|(has, _)| !has) {
            Some((_, rule)) => Err(format!("the default user cannot be without '{rule}': {REMEDY}")),
            None if !user.is_open && user.secrets.is_empty() => Err("give a password, or 'nopass'".to_owned()),
            None => Ok(user),
        }
    }

    fn add(&mut self, secret: Secret) {
        self.is_open = false;
        self.secrets.push(secret);
    }

    /// The password that the line and `requirepass` agree on; empty for none.
    pub(super) fn password(&self, requirepass: &str) -> Result<String, &'static str> {
        let given = self.secrets.iter().find_map(|secret| match secret {
            Secret::Plain(password) => Some(password.as_str()),
            Secret::Hash(_) => None,
        });
        match (self.is_open, requirepass, given) {
            (true, "", _) => Ok(String::new()),
            (true, ..) => Err("'nopass' contradicts 'requirepass': remove one of them"),
            (false, "", None) => Err("a hash does not tell the password: give it with 'requirepass' as well"),
            (false, "", Some(password)) | (false, password, _) if self.secrets.iter().all(|secret| secret.is_of(password)) => {
                Ok(password.to_owned())
            }
            _ => Err("there can be only one password, that of 'requirepass', and this line has another: correct one of them"),
        }
    }
}

fn secret(rule: &str) -> Result<Secret, String> {
    let is_hash = |text: &str| text.len() == 64 && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    match (rule.strip_prefix('>'), rule.strip_prefix('#')) {
        (Some(""), _) => Err("the password is empty: write 'nopass' for none".to_owned()),
        (Some(password), _) => Ok(Secret::Plain(password.to_owned())),
        (_, Some(hash)) if is_hash(hash) => Ok(Secret::Hash(hash.to_owned())),
        (_, Some(_)) => Err("The password hash must be exactly 64 characters and contain only lowercase hexadecimal characters".to_owned()),
        _ => Err(format!("'{rule}' cannot be done: {REMEDY}")),
    }
}

impl Secret {
    fn is_of(&self, password: &str) -> bool {
        match self {
            Secret::Plain(own) => own == password,
            Secret::Hash(hash) => *hash == sha256(password),
        }
    }
}

fn sha256(password: &str) -> String {
    Sha256::digest(password).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The line of the default user with this password (empty for none), as Redis writes it.
pub(super) fn line(password: &str) -> String {
    match password {
        "" => "user default on nopass ~* &* +@all".to_owned(),
        password => format!("user default on #{} ~* &* +@all", sha256(password)),
    }
}
