# Create the folder $1, print nothing unless that fails, and close stdout. When stdin ends, stop the
# server in the folder and remove the folder. Each line on stdin replaces the last one and names
# what to stop: a signal, and the process group whose leader gets it; "-" means nothing.
trap '' HUP INT QUIT TERM
exec 2>&1
mkdir -m 700 -- "$1" || exit
exec >/dev/null 2>&1
signal=- group=
while read -r line; do
    signal=${line% *} group=${line#* }
done
tries=0
if [ "$signal" != - ]; then
    kill -s "$signal" -- "$group"
    # Check the file, too: a server that has ended stays in the process table until its parent waits
    # for it.
    while [ -e "$1/data/postmaster.pid" ] && kill -s 0 -- "-$group" && [ $tries -lt 500 ]; do
        sleep 0.02 || sleep 1
        tries=$((tries + 1))
    done
    kill -s KILL -- "-$group"
fi
# A process that was just killed may still be writing.
while ! rm -rf -- "$1" && [ $tries -lt 1000 ]; do
    sleep 0.02 || sleep 1
    tries=$((tries + 1))
done
