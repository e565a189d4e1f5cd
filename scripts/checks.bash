# Sourced by the scripts: runs checks one after the other, remembers which failed, and
# says so at the end. A failed check does not stop the ones after it.

passed=0
failures=()

# check WHERE WHAT COMMAND... runs one check.
check() {
	local where=$1 what=$2
	shift 2
	printf '\n== %s: %s (%ss)\n' "$where" "$what" "$SECONDS"
	if "$@"; then
		passed=$((passed + 1))
	else
		failures+=("$where: $what")
	fi
}

# within DIR COMMAND... runs a command in a directory.
within() {
	(cd "$1" && shift && "$@")
}

# modules lists the directories of every go.mod, the core's first.
modules() {
	echo .
	find . -mindepth 2 -name go.mod -not -path '*/testdata/*' -not -path './.*/*' -printf '%h\n' | sed 's|^\./||' | sort
}

# named turns a module's directory into the name that a person reads.
named() {
	if [ "$1" = . ]; then echo core; else echo "$1"; fi
}

# finish prints the balance and leaves with it.
finish() {
	echo
	local f
	for f in "${failures[@]+"${failures[@]}"}"; do
		echo "FAILED $f"
	done
	echo "$passed passed, ${#failures[@]} failed"
	[ ${#failures[@]} -eq 0 ]
	exit
}
