from fcnet import _native
