#!/usr/bin/env bats
# tools/bench measures what it says.

load helper
load lab/lab.bash

setup_file() {
	"$BATS_TEST_DIRNAME/../tools/bench" --smoke -o "$BATS_FILE_TMPDIR" >"$BATS_FILE_TMPDIR/said" 2>&1 3>&- || :
}

# Python, with the results: `groups` by their names, and all `rows`.
results() {
	{
		cat <<-'END'
			import json, sys
			groups = {group["name"]: group for group in json.load(open(sys.argv[1]))["groups"]}
			rows = [row for group in groups.values() for row in group["rows"]]
		END
		cat
	} | python3 - "$BATS_FILE_TMPDIR/results.json" || {
		cat "$BATS_FILE_TMPDIR/said"
		return 1
	}
}

@test "tools/bench --smoke: each group has rows, and each way of a row its number" {
	results <<-'END'
		assert list(groups) == ["latency", "overhead", "startup", "throughput", "growth"], list(groups)
		for group in groups.values():
		    assert group["rows"] and not group.get("troubles"), group
		# Where something cannot be measured the reason stands instead of the number: here all can be.
		reasons = [(row["name"], number) for row in rows for number in row["ways"].values() if "reason" in number]
		assert not reasons, reasons
	END
}

@test "tools/bench --smoke: what is measured with the library had the library" {
	results <<-'END'
		# Two round trips without, one with it.
		http = next(row["ways"] for row in rows if row["name"].startswith("http, 300 B, warm, 20 ms"))
		assert http["tfo-run curl"]["median"] < 35 < 40 <= http["curl"]["median"], http
		write = next(row["ways"] for row in rows if row["name"] == "write, instructions")
		assert write["none"]["exact"] == write["empty"]["exact"] < write["tfo-run"]["exact"], write
	END
}
