//! What is unpacked ahead is what would have been unpacked in turn.

use std::{
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use sbom_inflate::Beside;

use super::*;
use crate::{
    detect::{
        Finding,
        copyright::{Copyright, Form},
    },
    layer::walk::CHUNK,
    license::custom,
    limits::Limits,
};

/// Counts up, a few bytes at a time, and ends as it is told.
struct Count {
    at: u64,
    length: u64,
    end: End,
}

impl Unpack for Count {
    fn unpack(&mut self, buffer: &mut [u8], _: &mut dyn Beside) -> io::Result<usize> {
        let left = usize::try_from(self.length - self.at).unwrap().min(buffer.len()).min(7001);
        if left == 0 {
            return self.end.read();
        }
        for byte in &mut buffer[..left] {
            *byte = (self.at % 251) as u8;
            self.at += 1;
        }
        Ok(left)
    }

    fn left(&self) -> u64 {
        self.length - self.at
    }
}

fn begin(pipeline: &Pipeline<Count>, length: u64) -> Ahead<'_, Count> {
    pipeline.begin(Count { at: 0, length, end: End::Reached }, None)
}

/// Chunks that lie ready for it.
fn ready(layer: &Ahead<'_, Count>) -> usize {
    layer.pipeline.lock().streams[&layer.id].ready.len()
}

/// Reads all of it, and takes whole chunks where there are any, every other time.
fn read_all(reader: &mut impl Archive) -> (u64, io::Result<usize>) {
    let (mut buffer, mut chunk) = (vec![0; 10_007], vec![0; CHUNK]);
    let mut at = 0_u64;
    for exchanges in [false, true].into_iter().cycle() {
        let exchanged = if exchanges { reader.exchange(&mut chunk).unwrap() } else { 0 };
        assert_eq!(chunk.len(), CHUNK);
        let bytes = match exchanged {
            0 => match reader.read(&mut buffer) {
                Ok(count) if count > 0 => &buffer[..count],
                end => return (at, end),
            },
            count => &chunk[..count],
        };
        for byte in bytes {
            assert_eq!(u64::from(*byte), at % 251, "at {at}");
            at += 1;
        }
    }
    unreachable!()
}

/// Reads layers of these lengths, all at once, with `helpers`.
fn check(helpers: usize, lengths: &[u64], end: &End) {
    let pipeline = Pipeline::new(lengths, lengths.len() + helpers, Aside::default());
    std::thread::scope(|scope| {
        for length in lengths {
            let pipeline = &pipeline;
            scope.spawn(move || {
                let _layer = pipeline.take_on(*length);
                let mut ahead = pipeline.begin(Count { at: 0, length: *length, end: end.clone() }, None);
                let (read, how) = read_all(&mut ahead);
                assert_eq!(read, *length);
                match end {
                    End::Reached => assert_eq!(how.unwrap(), 0),
                    _ => assert_eq!(how.unwrap_err().to_string(), end.read().unwrap_err().to_string()),
                }
                assert!(matches!((ahead.read(&mut [0; 4]), end), (Ok(0), End::Reached) | (Err(_), _)));
                let (producer, exceeded) = ahead.stop();
                assert_eq!(producer.unwrap().at, *length);
                assert_eq!(exceeded.is_some(), matches!(end, End::Exceeded(_)));
            });
        }
        for _ in 0..helpers {
            scope.spawn(|| pipeline.help());
        }
    });
}

#[test]
fn whoever_unpacks_the_bytes_are_the_same() {
    let exceeded = LimitExceeded { limit: Limits::default().unpacked_bytes };
    let ends = [End::Reached, End::Exceeded(exceeded), End::Failed(io::ErrorKind::InvalidData, "bad".into())];
    for end in ends {
        for helpers in [0, 1, 3] {
            check(helpers, &[0, 1, CHUNK as u64, 5_000_000], &end);
        }
    }
}

#[test]
fn a_bound_met_beyond_what_was_read_does_not_count() {
    let exceeded = LimitExceeded { limit: Limits::default().unpacked_bytes };
    let pipeline = Pipeline::new(&[1000], 1, Aside::default());
    let producer = Count { at: 0, length: 1000, end: End::Exceeded(exceeded) };
    let mut ahead = pipeline.begin(producer, None);
    assert_eq!(ahead.read(&mut [0; 100]).unwrap(), 100);
    assert!(ahead.stop().1.is_none());
}

#[test]
fn who_helps_for_a_while_is_let_go() {
    let pipeline = Pipeline::<Count>::new(&[1], 1, Aside::default());
    let is_enough = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| pipeline.help_until(&|| is_enough.load(Ordering::Relaxed)));
        is_enough.store(true, Ordering::Relaxed);
        pipeline.wake();
    });
}

/// What lies aside, with a licence text in it.
fn a_text_aside() -> Aside {
    let licenses = custom("a", spdx::license_id("MIT").unwrap().text()).into();
    let copyright = Copyright { form: Form::Text, licenses, parts: Vec::new() };
    let aside = Aside::default();
    aside.texts.add(&[Finding::Copyright(copyright)], Limits::default().license_bytes);
    aside
}

/// Waits, but not for ever, until somebody took the text on.
fn is_taken_on(aside: &Aside) -> bool {
    let pause = || std::thread::sleep(Duration::from_millis(1));
    (0..10_000).inspect(|_| pause()).any(|_| !aside.texts.are_waiting())
}

#[test]
fn who_has_nothing_to_unpack_compares_texts() {
    let aside = a_text_aside();
    let pipeline = Pipeline::<Count>::new(&[1], 1, aside.clone());
    let is_enough = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| pipeline.help_until(&|| is_enough.load(Ordering::Relaxed)));
        assert!(is_taken_on(&aside));
        is_enough.store(true, Ordering::Relaxed);
        pipeline.wake();
    });
}

#[test]
fn who_waits_for_what_another_unpacks_compares_texts() {
    let aside = a_text_aside();
    let pipeline = Pipeline::new(&[1000], 2, aside.clone());
    let mut ahead = begin(&pipeline, 1000);
    let work = pipeline.lock().take(ahead.id).unwrap();
    std::thread::scope(|scope| {
        scope.spawn(|| assert_eq!(ahead.read(&mut [0; 100]).unwrap(), 100));
        let is_taken_on = is_taken_on(&aside);
        drop(pipeline.unpack(pipeline.lock(), work));
        assert!(is_taken_on);
    });
}

#[test]
fn a_layer_given_up_lets_helpers_go() {
    let pipeline = Pipeline::new(&[1, 1], 2, Aside::default());
    std::thread::scope(|scope| {
        scope.spawn(|| pipeline.help());
        let ahead = pipeline.begin(Count { at: 0, length: 1 << 30, end: End::Reached }, None);
        assert!(ahead.stop().0.is_some());
        drop((pipeline.take_on(1), pipeline.take_on(1)));
    });
}

#[test]
fn whoever_walks_a_small_layer_unpacks_first_for_the_large_one_that_would_be_done_last() {
    let layers = [40, 4].map(|chunks| chunks * CHUNK as u64);
    let pipeline = Pipeline::new(&layers, 2, Aside::default());
    let _taken_on = layers.map(|length| pipeline.take_on(length));
    let [large, mut small] = layers.map(|length| begin(&pipeline, length));

    assert_eq!(small.read(&mut [0; 10]).unwrap(), 10);
    assert_eq!((ready(&large), ready(&small)), (AHEAD, 0));
}

#[test]
fn who_has_as_much_as_may_lie_ready_walks_most_of_it_before_helping_again() {
    let layers = [80, 20].map(|chunks| chunks * CHUNK as u64);
    let pipeline = Pipeline::new(&layers, 2, Aside::default());
    let _taken_on = layers.map(|length| pipeline.take_on(length));
    let [large, mut small] = layers.map(|length| begin(&pipeline, length));

    let mut state = pipeline.lock();
    for _ in 0..AHEAD {
        let work = state.take(small.id).unwrap();
        state = pipeline.unpack(state, work);
    }
    drop(state);
    let mut buffer = vec![0; CHUNK];
    for left in (LITTLE..AHEAD).rev() {
        small.read_exact(&mut buffer).unwrap();
        assert_eq!((ready(&large), ready(&small)), (0, left));
    }
    small.read_exact(&mut buffer).unwrap();
    assert_eq!((ready(&large), ready(&small)), (AHEAD, LITTLE - 1));
}

#[test]
fn whoever_walks_a_layer_unpacks_it_where_no_other_is_late() {
    let layers = [12, 10, 8].map(|chunks| chunks * CHUNK as u64);
    let pipeline = Pipeline::new(&layers, 2, Aside::default());
    let _taken_on = layers.map(|length| pipeline.take_on(length));
    let [large, mut small, _] = layers.map(|length| begin(&pipeline, length));

    assert_eq!(small.read(&mut [0; 10]).unwrap(), 10);
    assert_eq!((ready(&large), ready(&small)), (0, 0));
}

#[test]
fn where_a_helper_panics_nobody_waits_for_it() {
    struct Panics;

    impl Unpack for Panics {
        fn unpack(&mut self, _: &mut [u8], _: &mut dyn Beside) -> io::Result<usize> {
            panic!("a fault in what unpacks")
        }

        fn left(&self) -> u64 {
            1
        }
    }

    let pipeline = Pipeline::new(&[1], 2, Aside::default());
    let _taken_on = pipeline.take_on(1);
    let mut ahead = pipeline.begin(Panics, None);
    std::thread::scope(|scope| {
        assert!(scope.spawn(|| pipeline.help()).join().is_err());
    });
    assert!(ahead.read(&mut [0; 10]).unwrap_err().to_string().contains("panicked"));
    assert!(ahead.stop().0.is_none());
}
