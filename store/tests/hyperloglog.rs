//! HyperLogLogs in both representations agree, and nothing that claims to be one can do harm.

use graven_store::hyperloglog::{self as hll, REGISTERS, Representation};
use proptest::prelude::*;

proptest! {
    #[test]
    fn both_representations_hold_the_same_registers(raises in prop::collection::vec((0..REGISTERS, 1u8..33), 0..300), max in 20usize..2000) {
        let (mut sparse, mut dense, mut model) = (hll::empty(), hll::empty(), [0; REGISTERS]);
        hll::make_dense(&mut dense).unwrap();
        for (index, count) in raises {
            let more = model[index] < count;
            model[index] = model[index].max(count);
            prop_assert_eq!(hll::raise(&mut sparse, index, count, max), Ok(more));
            prop_assert_eq!(hll::raise(&mut dense, index, count, max), Ok(more));
            prop_assert!(hll::representation(&sparse) == Some(Representation::Dense) || sparse.len() <= max.max(18));
        }
        for string in [&sparse, &dense] {
            let mut registers = [0; REGISTERS];
            hll::merge(string, &mut registers).unwrap();
            prop_assert!(registers == model);
            prop_assert_eq!(hll::count(string), Ok(hll::count_registers(&model)));
        }
        hll::make_dense(&mut sparse).unwrap();
        prop_assert!(sparse == dense);
    }

    #[test]
    fn hostile_bytes_are_corrupt_or_counted(mut bytes in prop::collection::vec(any::<u8>(), 0..200), dense in any::<bool>(), element in any::<[u8; 8]>()) {
        let mut string = b"HYLL\x01\0\0\0\0\0\0\0\0\0\0\0".to_vec();
        string.append(&mut bytes);
        if dense {
            string[4] = 0;
            string.resize(hll::DENSE_BYTES, 0x55);
        }
        prop_assert!(hll::representation(&string).is_some());
        let _ = hll::count(&string);
        let _ = hll::describe(&string);
        let _ = hll::merge(&string, &mut [0; REGISTERS]);
        let (index, count) = hll::register_of(&element);
        let before = string.clone();
        if hll::raise(&mut string, index, count, 3000).is_err() {
            prop_assert_eq!(&string, &before);
        }
        if hll::make_dense(&mut string).is_ok() {
            prop_assert_eq!(string.len(), hll::DENSE_BYTES);
        }
    }
}
