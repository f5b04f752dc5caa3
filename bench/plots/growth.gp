# Latency of inserts while a table grows from empty. Wants data: "entries seconds p50 p99 p99.99 max"
# (ns) for each window of inserts, as w4_growth.c writes them.
set title "Insert latency while the table grows"
set xlabel "entries in the table (millions)"
set ylabel "ns"
set logscale y
set grid
set key outside right top
plot data using ($1/1e6):6 with points pt 7 ps 0.4 title "max of a window", \
     data using ($1/1e6):4 with lines title "p99", \
     data using ($1/1e6):3 with lines title "p50"
