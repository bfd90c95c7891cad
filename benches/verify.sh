#!/bin/sh
# Verifies one attestation of an SBOM of 10 MB that lies in an OCI layout, five times, with the whole program: wall time, CPU time and peak memory
# of each run. `benches/verify.sh [PROGRAM]`; needs GNU time.
set -eu

root=$(cd "$(dirname "$0")/.." && pwd)
program=${1:-"$root/target/release/sbomctl"}
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cp -R "$root/fixtures/demo" "$folder/image"
cd "$folder"

awk 'BEGIN {
    printf "{\"bomFormat\":\"CycloneDX\",\"specVersion\":\"1.6\",\"version\":1,\"components\":["
    for (n = 0; n < 5900; n++) {
        printf "%s\n{\"type\":\"library\",\"bom-ref\":\"r%d\",\"name\":\"n%d\",\"version\":\"1.0\",\"purl\":\"pkg:npm/n%d@1.0\",\"properties\":[", n ? "," : "", n, n, n
        for (p = 0; p < 20; p++) printf "%s\n  {\"name\":\"property %d\",\"value\":\"the value of a property, as long as they are\"}", p ? "," : "", p
        printf "]}"
    }
    print "]}"
}' > sbom.json
echo "$(wc -c < sbom.json) bytes of SBOM"

"$program" key generate --no-password --output key > /dev/null
"$program" attest --key key.key --type cyclonedx --predicate sbom.json oci:image > /dev/null
for _ in 1 2 3 4 5; do
    /usr/bin/time -f '%e s (%U user, %S system), %M KiB' "$program" verify --offline --key key.pub --type cyclonedx oci:image > /dev/null
done
