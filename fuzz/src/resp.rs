//! The protocol's parser: however a stream is cut into pieces, the same commands come out, and the same error.

use graven_resp::{Batch, Limits, Parser, ProtocolError};

/// Pieces of the protocol.
pub const DICTIONARY: &[&[u8]] = &[
    b"*1\r\n",
    b"*3\r\n",
    b"*0\r\n",
    b"*-1\r\n",
    b"$0\r\n\r\n",
    b"$3\r\nSET\r\n",
    b"$-1\r\n",
    b"\r\n",
    b"\n",
    b"\r",
    b"\"",
    b"'",
    b"\\x0a",
    b"\\",
    b"#BLK:v1;lsn:0;len:5;crc:0123456789abcdef\r\n",
    b"#TS:1700000000\r\n",
    b"*1048576\r\n",
    b"*1048577\r\n",
    b"$536870912\r\n",
    b"*99999999999999999999\r\n",
    b"PING",
    b" ",
];

/// Valid streams.
pub fn seeds() -> Vec<Vec<u8>> {
    [
        &b"\x03*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$5\r\nvalue\r\n*2\r\n$3\r\nGET\r\n$1\r\nk\r\n"[..],
        b"\x01PING\r\nSET a \"x y\\x00\" 'it\\'s'\r\n\r\n*1\r\n$4\r\nPING\r\n",
        b"\x07*0\r\n*-1\r\n*2\r\n$4\r\nECHO\r\n$0\r\n\r\n",
        b"\x02#TS:1\r\n#BLK:v1;lsn:0;len:4;crc:00\r\n*1\r\n$4\r\nPING\r\n",
    ]
    .map(<[u8]>::to_vec)
    .to_vec()
}

/// Small limits, so that inputs reach them.
const LIMITS: Limits = Limits { max_args: 40, max_bulk_bytes: 300, max_inline_bytes: 200, authenticated: true };

/// The commands of a stream and the error that ended it.
type Parsed = (Vec<Vec<Vec<u8>>>, Option<ProtocolError>);

/// The first byte decides how the rest is cut.
pub fn run(input: &[u8]) {
    let Some((&cut, stream)) = input.split_first() else { return };
    let limits = if cut % 2 == 0 { LIMITS } else { Limits::default() };
    let whole = parse(&limits, [stream].into_iter());
    assert_eq!(parse(&limits, stream.chunks(usize::from(cut / 2).max(1))), whole, "pieces of {cut} bytes");
    assert_eq!(parse(&limits, stream.chunks(1)), whole, "single bytes");
}

/// Feeds pieces as a connection does: what belongs to no whole command stays in the buffer.
fn parse<'a>(limits: &Limits, pieces: impl Iterator<Item = &'a [u8]>) -> Parsed {
    let (mut parser, mut batch, mut buffer) = (Parser::default(), Batch::default(), Vec::new());
    let mut commands = Vec::new();
    for piece in pieces {
        buffer.extend_from_slice(piece);
        let mut from = 0;
        loop {
            batch.clear();
            let parsed = parser.parse(&buffer, from, limits, &mut batch, 3);
            for frame in batch.frames() {
                let args = batch.args(frame, &buffer);
                assert!(args.len() > 0, "a command has a name");
                if let Some(canonical) = args.canonical() {
                    let mut encoded = Vec::new();
                    graven_resp::encode_command(&mut encoded, &args.iter().collect::<Vec<_>>());
                    assert_eq!(canonical, encoded, "what is logged is what was parsed");
                }
                commands.push(args.iter().map(<[u8]>::to_vec).collect());
            }
            match parsed {
                Err(error) => return (commands, Some(error)),
                Ok(next) => {
                    assert!(from <= next && next <= buffer.len());
                    from = next;
                    if batch.frames().is_empty() {
                        break;
                    }
                }
            }
        }
        buffer.drain(..from);
    }
    (commands, None)
}
