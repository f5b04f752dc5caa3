# Terminal for SVG files; loaded before a plot. Wants output_file.
set terminal svg size 900,600 dynamic noenhanced font "sans-serif,13" background "white"
set output output_file
