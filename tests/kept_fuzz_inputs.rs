//! The inputs that fuzzing turned up, and seeds, run through every target on the stable compiler.

#[path = "../fuzz/src/harness.rs"]
#[expect(unreachable_pub, reason = "the file is a module of another crate too")]
mod harness;

use std::{fs, io, path::Path};

#[test]
fn every_kept_input_is_survived() {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz/corpus");
    for (name, target) in harness::TARGETS {
        target(b"");
        let Ok(inputs) = fs::read_dir(corpus.join(name)) else { continue };
        for input in inputs.flatten() {
            let mut bytes = Vec::new();
            io::copy(&mut fs::File::open(input.path()).unwrap(), &mut bytes).unwrap();
            target(&bytes);
        }
    }
}
